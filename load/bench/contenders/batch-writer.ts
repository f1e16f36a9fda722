import { BatchWriter, NatsSession } from '@landbridge/nats'
import type { StartContender } from '../contender.ts'
import { EventFactory } from '../event-factory.ts'
import { Stopwatch } from '../stopwatch.ts'
import { storeAll } from './store-all.ts'

const BATCH = 100

/** The mesh's writer without a gateway in front: no TLS, no token, no policy, no attributes. */
export const start: StartContender<'batch-writer'> = async ({ natsUrl }) => {
  const session = await NatsSession.connect({ servers: [natsUrl], name: 'bench writer' })
  const factory = new EventFactory()
  return {
    async run({ stream, subject, seconds }) {
      await using writer = new BatchWriter({ session, stream, mode: 'atomic' })
      const watch = new Stopwatch(seconds)
      await storeAll({ writer, subject, factory, watch, take: () => (watch.running ? BATCH : 0) })
      return watch.stop()
    },
    close: () => session.close(),
  }
}
