import type { StartContender } from '../contender.ts'
import { EventFactory } from '../event-factory.ts'
import { Stopwatch } from '../stopwatch.ts'
import { connectMesh } from './connect-mesh.ts'

const BATCH = 100

/** One service that publishes batches of encoded events over one stream of the SDK, as fast as the SDK takes them. */
export const start: StartContender<'publish-stream'> = async ({ access }) => {
  const mesh = connectMesh(access)
  const factory = new EventFactory()
  return {
    async run({ topic, seconds }) {
      await using stream = mesh.publishStream(topic)
      const watch = new Stopwatch(seconds)
      while (watch.running) {
        const { acknowledged } = await stream.sendEncoded(factory.batch(BATCH).map(({ bytes }) => bytes))
        // A failure is told by flush below.
        acknowledged.then(() => watch.acknowledged(BATCH)).catch(() => {})
      }
      await stream.flush()
      return watch.stop()
    },
    close: () => mesh.close(),
  }
}
