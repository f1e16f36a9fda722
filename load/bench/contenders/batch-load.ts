import { BatchWriter, NatsSession } from '@landbridge/nats'
import type { StartContender } from '../contender.ts'
import { EventFactory } from '../event-factory.ts'
import { Stopwatch } from '../stopwatch.ts'
import { storeAll } from './store-all.ts'

/** Fills streams quickly. */
export const start: StartContender<'batch-load'> = async ({ natsUrl }) => {
  const session = await NatsSession.connect({ servers: [natsUrl], name: 'bench load' })
  const factory = new EventFactory()
  return {
    async run({ stream, subject, events }) {
      await using writer = new BatchWriter({ session, stream, mode: 'atomic' })
      const watch = new Stopwatch()
      let left = events
      const take = () => {
        const count = Math.min(100, left)
        left -= count
        return count
      }
      await storeAll({ writer, subject, factory, watch, take })
      return watch.stop()
    },
    close: () => session.close(),
  }
}
