import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { StartContender } from '../contender.ts'
import { Stopwatch } from '../stopwatch.ts'

// As many as the mesh gives out to a group, so that neither side waits for settlements earlier than the other.
const UNSETTLED_MAX = 10_000
// The client's default of 100 asks the server far too often.
const MESSAGES_AHEAD = 1_000

/** The client's fastest reader of a durable consumer: a callback, an ack an event. The acks are not confirmed until the end, where one is awaited. */
export const start: StartContender<'js-consume'> = async ({ natsUrl, stream }) => {
  const connection = await connect({ servers: natsUrl })
  const js = jetstream(connection)
  const manager = await jetstreamManager(connection)

  async function consume(group: string, events: number, watch: Stopwatch): Promise<void> {
    const consumer = await js.consumers.get(stream, group)
    const done = Promise.withResolvers<void>()
    let left = events
    const messages = await consumer.consume({
      max_messages: MESSAGES_AHEAD,
      callback(message) {
        if (left === 0) return
        left--
        if (left > 0) {
          message.ack()
          watch.acknowledged(1)
          return
        }
        // Acks of one connection are processed in order: when this one is confirmed, all are.
        message.ackAck().then(() => {
          watch.acknowledged(1)
          done.resolve()
        }, done.reject)
      },
    })
    await done.promise
    await messages.close()
  }

  return {
    async run({ group, events }) {
      await manager.consumers.add(stream, {
        durable_name: group,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        max_ack_pending: UNSETTLED_MAX,
      })
      try {
        const watch = new Stopwatch()
        await consume(group, events, watch)
        return watch.stop()
      } finally {
        await manager.consumers.delete(stream, group)
      }
    },
    close: () => connection.close(),
  }
}
