import { OBJECTS } from '../manifests.ts'
import { REGIONS } from '../region.ts'
import type { Step } from '../step.ts'

/** Takes the three regions away, volumes included. The CRDs stay, as after every uninstall. */
export const CLEAN_UP: Step = {
  name: 'remove the namespaces',
  run: async (world) => {
    for (const region of REGIONS) {
      // Resources first: their finalizers need an operator.
      await world.in(region, 'get', OBJECTS.operator).then(
        () => world.in(region, 'delete', 'topics,acl,peers', '--all', '--timeout=1m'),
        () => '',
      )
    }
    const names = REGIONS.map(({ namespace }) => namespace)
    await world.kubectl('delete', 'namespace', ...names, '--ignore-not-found', '--timeout=5m')
    return ''
  },
}
