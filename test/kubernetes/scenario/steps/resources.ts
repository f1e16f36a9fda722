import { expectRefused } from '../expect.ts'
import { resourcesOf } from '../manifests.ts'
import { REGIONS, RELEASE } from '../region.ts'
import type { Step } from '../step.ts'

const [FIRST] = REGIONS

/** Resources by kubectl, and the chart's own test. */
export const RESOURCES: readonly Step[] = [
  {
    name: 'kubectl apply Topics, AccessPolicies and RegionPeers, until all are Ready',
    run: async (world) => {
      await world.apply(REGIONS.flatMap((region) => [...resourcesOf(region)]))
      for (const region of REGIONS) {
        await world.in(region, 'wait', 'topics,acl,peers', '--all', '--for=condition=Ready', '--timeout=3m')
      }
      return (await world.in(FIRST, 'get', 'topics,acl,peers', '--no-headers')).trim().replaceAll(/\n+/g, '\n      ')
    },
  },
  {
    name: 'kubectl refuses what cannot be: fewer partitions',
    run: (world) => {
      const patch = JSON.stringify({ spec: { partitions: 2 } })
      return expectRefused('fewer partitions', /partitions/, () =>
        world.in(FIRST, 'patch', 'topic', 'orders', '--type=merge', '--patch', patch),
      )
    },
  },
  {
    name: 'helm test in every region',
    run: async (world) => {
      for (const region of REGIONS) await world.helmOf(region, 'test', '--timeout', '5m')
      return `${RELEASE} publishes and reads back in ${REGIONS.length} regions`
    },
  },
]
