import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { StartContender } from '../contender.ts'
import { EventFactory } from '../event-factory.ts'
import { Stopwatch } from '../stopwatch.ts'

/** The client's own way to publish: one awaited request an event, `window` of them at a time, each with a message id. */
export const start: StartContender<'js-publish'> = async ({ natsUrl, window }) => {
  const connection = await connect({ servers: natsUrl })
  const js = jetstream(connection)
  const factory = new EventFactory()

  async function publishUntil(watch: Stopwatch, subject: string): Promise<void> {
    while (watch.running) {
      const { id, bytes } = factory.next()
      await js.publish(subject, bytes, { msgID: id })
      watch.acknowledged(1)
    }
  }

  return {
    async run({ subject, seconds }) {
      const watch = new Stopwatch(seconds)
      await Promise.all(Array.from({ length: window }, () => publishUntil(watch, subject)))
      return watch.stop()
    },
    close: () => connection.close(),
  }
}
