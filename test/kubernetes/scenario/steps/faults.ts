import { setTimeout as delay } from 'node:timers/promises'
import { expectEverywhereOnce } from '../delivered.ts'
import { expect } from '../expect.ts'
import { OBJECTS } from '../manifests.ts'
import { REGIONS, TENANT } from '../region.ts'
import type { Step } from '../step.ts'

const TOPIC = `${TENANT}/orders`
const [HOME] = REGIONS
const LOAD_MS = 5_000

/** Pods that die, and a region that does. */
export const FAULTS: readonly Step[] = [
  {
    name: `kubectl delete all gateway and NATS pods of ${HOME.name} under load: failover, and nothing lost`,
    run: async (world) => {
      const load = await world.load(HOME, TOPIC, 'pods-deleted')
      await delay(LOAD_MS)
      await world.in(HOME, 'delete', 'pod', '--selector', OBJECTS.natsSelector, '--grace-period=1')
      await world.in(HOME, 'delete', 'pod', '--selector', OBJECTS.gatewaySelector, '--grace-period=1')
      for (const object of [OBJECTS.nats, OBJECTS.gateways]) {
        await world.in(HOME, 'rollout', 'status', object, '--timeout=5m')
      }
      await delay(LOAD_MS)
      const report = await load.stop()
      const elsewhere = report.calls - (report.regions[HOME.name] ?? 0)
      expect(elsewhere > 0, `all ${report.calls} events were stored in ${HOME.name}, wanted some in other regions`)
      expect(
        report.failed.length === 0,
        `${report.failed.length} calls failed: ${report.failed.slice(0, 3).join('; ')}`,
      )
      const counted = await expectEverywhereOnce(world, TOPIC, 'pods-deleted', report)
      return `${counted}; stored by region: ${JSON.stringify(report.regions)}, slowest call ${report.slowestMs} ms`
    },
  },
]
