import { randomUUID } from 'node:crypto'
import { expect, expectRefused } from '../expect.ts'
import { REGIONS, TENANT } from '../region.ts'
import type { Step } from '../step.ts'

const TOPIC = `${TENANT}/orders`
const [HOME, ...OTHERS] = REGIONS

/** One event by the command line, and who may not publish. */
export const EVENTS: readonly Step[] = [
  {
    name: `publish over gRPC from a pod in ${HOME.name}, and see the event in the other regions`,
    run: async (world) => {
      const id = randomUUID()
      const event = ['--id', id, '--type', 'order.created', '--key', 'customer-17', '--data', '{"total":42}']
      const receipt = JSON.parse(await world.landbridge(HOME, '-o', 'json', 'publish', TOPIC, ...event))
      expect(receipt.region === HOME.name, `the receipt is ${JSON.stringify(receipt)}, wanted region ${HOME.name}`)
      for (const region of OTHERS) {
        const flags = ['--from', 'earliest', '--count', '1', '--timeout', '60s']
        const delivery = JSON.parse(await world.landbridge(region, '-o', 'json', 'subscribe', TOPIC, ...flags))
        expect(
          delivery.region === region.name && delivery.event.id === id && delivery.event.data.total === 42,
          `${region.name}: read ${JSON.stringify(delivery)}, wanted event ${id}`,
        )
      }
      return `event ${id} of ${receipt.region} is in ${OTHERS.map(({ name }) => name).join(' and ')}`
    },
  },
  {
    name: 'a topic that no policy gives is refused',
    run: (world) =>
      expectRefused('publish to another topic', /wanted an AccessPolicy of tenant/, () =>
        world.landbridge(HOME, 'publish', `${TENANT}/payroll`, '--type', 'x', '--data', '{}'),
      ),
  },
]
