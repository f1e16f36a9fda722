import { setTimeout as delay } from 'node:timers/promises'
import { expectEverywhereOnce } from '../delivered.ts'
import { eventually, expect, expectRefused } from '../expect.ts'
import { natsServers, OBJECTS, valuesOf } from '../manifests.ts'
import { REGIONS, type Region, TENANT } from '../region.ts'
import type { Step } from '../step.ts'
import type { World } from '../world.ts'

const TOPIC = `${TENANT}/orders`
const [HOME] = REGIONS
const LOAD_MS = 5_000

const SERVERS = natsServers(HOME)
/** Longer than a server's pod may take to end. */
const GONE_MS = 180_000

/** Changes while services go on. Only the home region's endpoint is used: nobody helps out. */
export const UPGRADE: readonly Step[] = [
  {
    name: `kubectl rollout restart of the gateways of ${HOME.name} under load, without a failed call`,
    run: (world) =>
      underLoad(world, 'restart', async () => {
        await world.in(HOME, 'rollout', 'restart', OBJECTS.gateways)
        await world.in(HOME, 'rollout', 'status', OBJECTS.gateways, '--timeout=10m')
      }),
  },
  {
    name: `evictions of NATS servers of ${HOME.name} under load: the budget lets one go, and no call fails`,
    run: (world) =>
      underLoad(world, 'evicted', async () => {
        const [first = '', second = ''] = SERVERS
        const before = await uidOf(world, first)
        await world.evict(HOME, first)
        await expectRefused('a second eviction', /disruption budget/, () => world.evict(HOME, second))
        await eventually(`another ${first}`, GONE_MS, async () =>
          (await uidOf(world, first)) === before ? undefined : true,
        )
        await world.in(HOME, 'rollout', 'status', OBJECTS.nats, '--timeout=10m')
      }),
  },
  {
    name: `helm upgrade of ${HOME.name} from the older chart with a changed value under load, without a failed call`,
    run: async (world) => {
      const before = await chartOf(world, HOME)
      const values = valuesOf(HOME) as { readonly gateway: object }
      const seen = await underLoad(world, 'upgrade', () =>
        world.helm('upgrade', HOME, { ...values, gateway: { ...values.gateway, logLevel: 'debug' } }),
      )
      const level = await environmentOf(world, HOME, 'LANDBRIDGE_LOG_LEVEL')
      expect(level === 'debug', `the gateways' log level is "${level}", wanted debug`)
      const after = await chartOf(world, HOME)
      expect(before !== after, `the release was and is of chart ${after}, wanted another one before`)
      return `${before} became ${after}; ${seen}`
    },
  },
]

async function underLoad(world: World, source: string, change: () => Promise<void>): Promise<string> {
  const load = await world.load(HOME, TOPIC, source, 1)
  await delay(LOAD_MS)
  await change()
  await delay(LOAD_MS)
  const report = await load.stop()
  expect(report.failed.length === 0, `${report.failed.length} calls failed: ${report.failed.slice(0, 3).join('; ')}`)
  const counted = await expectEverywhereOnce(world, TOPIC, source, report)
  return `${counted}; slowest call ${report.slowestMs} ms`
}

function uidOf(world: World, pod: string): Promise<string> {
  return world.in(HOME, 'get', 'pod', pod, '-o', 'jsonpath={.metadata.uid}')
}

/** Name and version of the chart that a release is of. */
function chartOf(world: World, region: Region): Promise<string> {
  return world.in(region, 'get', OBJECTS.nats, '-o', 'jsonpath={.metadata.labels.helm\\.sh/chart}')
}

function environmentOf(world: World, region: Region, name: string): Promise<string> {
  const path = `jsonpath={.items[0].spec.containers[0].env[?(@.name=="${name}")].value}`
  return world.in(region, 'get', 'pods', '--selector', OBJECTS.gatewaySelector, '-o', path)
}
