import { setTimeout as delay } from 'node:timers/promises'
import { expectEverywhereOnce } from '../delivered.ts'
import { expect } from '../expect.ts'
import { OBJECTS, valuesOf } from '../manifests.ts'
import { REGIONS, type Region, TENANT } from '../region.ts'
import type { Step } from '../step.ts'
import type { World } from '../world.ts'

const TOPIC = `${TENANT}/orders`
const [HOME] = REGIONS
const LOAD_MS = 5_000

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
    name: `helm upgrade of ${HOME.name} with a changed value under load, without a failed call`,
    run: async (world) => {
      const values = valuesOf(HOME) as { readonly gateway: object }
      const seen = await underLoad(world, 'upgrade', () =>
        world.helm('upgrade', HOME, { ...values, gateway: { ...values.gateway, logLevel: 'debug' } }),
      )
      const level = await environmentOf(world, HOME, 'LANDBRIDGE_LOG_LEVEL')
      expect(level === 'debug', `the gateways' log level is "${level}", wanted debug`)
      return seen
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

function environmentOf(world: World, region: Region, name: string): Promise<string> {
  const path = `jsonpath={.items[0].spec.containers[0].env[?(@.name=="${name}")].value}`
  return world.in(region, 'get', 'pods', '--selector', OBJECTS.gatewaySelector, '-o', path)
}
