import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Latencies, StartContender } from '../contender.ts'
import { EventFactory, meshMessageId } from '../event-factory.ts'
import { runAtPace } from '../pace.ts'

const LAST_EVENT_LIMIT_MS = 20_000

/**
 * Publishes straight into the origin's stream and reads the receiver's stream, both with the NATS client and on one clock: whatever carries the events
 * between the two is the only thing that differs between contenders.
 */
export const start: StartContender<'lag-probe'> = async ({ fromUrl, subject, toUrl, stream, filter }) => {
  const from = await connect({ servers: fromUrl })
  const to = await connect({ servers: toUrl })
  const origin = jetstream(from)
  const receiver = jetstream(to)
  const manager = await jetstreamManager(to)
  const factory = new EventFactory()

  async function probe(consumerName: string, count: number, perSecond: number): Promise<Latencies> {
    const due = new Map<string, number>()
    const latenciesMs: number[] = []
    const lateMs: number[] = []
    const done = Promise.withResolvers<void>()
    const consumer = await receiver.consumers.get(stream, consumerName)
    const messages = await consumer.consume({
      callback(message) {
        const id = message.headers?.get('Nats-Msg-Id') ?? ''
        const dueMs = due.get(id)
        if (dueMs === undefined) return
        due.delete(id)
        latenciesMs.push(performance.now() - dueMs)
        if (latenciesMs.length === count) done.resolve()
      },
    })
    await runAtPace({ count, perSecond }, (dueMs) => {
      const event = factory.next()
      const id = meshMessageId(event)
      due.set(id, dueMs)
      lateMs.push(performance.now() - dueMs)
      origin.publish(subject, event.bytes, { msgID: id }).catch(done.reject)
    })
    const limit = setTimeout(() => {
      done.reject(new Error(`${due.size} of ${count} events did not arrive within ${LAST_EVENT_LIMIT_MS} ms`))
    }, LAST_EVENT_LIMIT_MS)
    try {
      await done.promise
      return { latenciesMs, lateMs }
    } finally {
      clearTimeout(limit)
      await messages.close()
    }
  }

  return {
    async run({ seconds, perSecond }) {
      const { name } = await manager.consumers.add(stream, {
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.New,
        filter_subject: filter,
        mem_storage: true,
      })
      try {
        return await probe(name, Math.round(seconds * perSecond), perSecond)
      } finally {
        await manager.consumers.delete(stream, name)
      }
    },
    close: async () => {
      await from.close()
      await to.close()
    },
  }
}
