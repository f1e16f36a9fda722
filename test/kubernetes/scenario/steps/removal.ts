import { eventually, expect } from '../expect.ts'
import { OBJECTS, valuesOf } from '../manifests.ts'
import { REGIONS, TENANT } from '../region.ts'
import type { Step } from '../step.ts'

const TOPIC = `${TENANT}/orders`
const [FIRST, SECOND] = REGIONS
const RELEASED = 'app.kubernetes.io/managed-by=Helm'
const KEPT = ['topics.landbridge.dev', 'accesspolicies.landbridge.dev', 'regionpeers.landbridge.dev']

/** What goes, and what stays. */
export const REMOVAL: readonly Step[] = [
  {
    name: 'kubectl delete a topic in every region',
    run: async (world) => {
      for (const region of REGIONS) await world.in(region, 'delete', 'topic', 'quotes', '--timeout=2m')
      await eventually('the gateways forget the topic', 30_000, async () => {
        const text = await world.landbridge(FIRST, '-o', 'json', 'topics')
        return text.includes(`${TENANT}/quotes`) ? undefined : true
      })
      return `${TENANT}/quotes is gone`
    },
  },
  {
    name: `helm uninstall ${FIRST.name} leaves volumes, CRDs and resources`,
    run: async (world) => {
      await world.helmOf(FIRST, 'uninstall', '--wait', '--timeout', '5m')
      const left = await world.in(FIRST, 'get', 'deploy,sts,svc,cm,sa,role,pdb,netpol', '-o', 'name', '-l', RELEASED)
      expect(left.trim() === '', `left are ${left.trim()}, wanted nothing of the release`)
      const crds = await world.kubectl('get', 'crds', ...KEPT, '-o', 'name')
      const claims = await world.in(FIRST, 'get', 'pvc', '-o', 'jsonpath={.items[*].status.phase}')
      const bound = Array.from({ length: FIRST.replicas }, () => 'Bound').join(' ')
      expect(claims === bound, `volume claims are "${claims}", wanted "${bound}"`)
      await world.in(FIRST, 'get', 'topic', 'orders')
      return `${crds.trim().split('\n').length} CRDs, ${FIRST.replicas} volumes, topic orders`
    },
  },
  {
    name: `helm install ${FIRST.name} again finds its events`,
    run: async (world) => {
      const before = await world.read(SECOND, TOPIC, 'restart', 1)
      await world.helm('install', FIRST, valuesOf(FIRST))
      await world.in(FIRST, 'wait', OBJECTS.gateways, '--for=condition=Available', '--timeout=1m')
      const after = await world.read(FIRST, TOPIC, 'restart', before.seen.length)
      expect(after.seen.length === before.seen.length, `${after.seen.length} of ${before.seen.length} events are there`)
      return `${after.seen.length} events of before are there`
    },
  },
]
