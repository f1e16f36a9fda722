import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { StartContender } from '../contender.ts'
import { EventFactory } from '../event-factory.ts'
import { runAtPace } from '../pace.ts'

/** One js.publish an event at a constant rate. */
export const start: StartContender<'js-publish-paced'> = async ({ natsUrl, subject }) => {
  const connection = await connect({ servers: natsUrl })
  const js = jetstream(connection)
  const factory = new EventFactory()
  return {
    async run({ seconds, perSecond }) {
      const latenciesMs: number[] = []
      const pending: Promise<void>[] = []
      await runAtPace({ count: Math.round(seconds * perSecond), perSecond }, (dueMs) => {
        const { id, bytes } = factory.next()
        pending.push(
          js.publish(subject, bytes, { msgID: id }).then(() => {
            latenciesMs.push(performance.now() - dueMs)
          }),
        )
      })
      await Promise.all(pending)
      return { latenciesMs }
    },
    close: () => connection.close(),
  }
}
