import { fromBinary } from '@bufbuild/protobuf'
import { bytesFieldSize, WireWriter } from '@landbridge/core'
import { PublishResponseSchema } from '@landbridge/proto'
import type { StartContender } from '../contender.ts'
import { EventFactory } from '../event-factory.ts'
import { runAtPace } from '../pace.ts'
import { GatewayClient } from './gateway-client.ts'

const Field = { topic: 1, events: 2 } as const

/** One unary Publish an event at a constant rate. */
export const start: StartContender<'publish-paced'> = async ({ access, topic }) => {
  const client = new GatewayClient(access)
  const factory = new EventFactory()

  async function publish(bytes: Buffer): Promise<void> {
    const writer = new WireWriter(
      bytesFieldSize(Field.topic, topic.length) + bytesFieldSize(Field.events, bytes.length),
    )
    writer.text(Field.topic, topic)
    writer.bytes(Field.events, bytes)
    const { results } = fromBinary(PublishResponseSchema, await client.publish(writer.buffer))
    if (results[0]?.outcome.case !== 'receipt')
      throw new Error(`publish: ${JSON.stringify(results[0]?.outcome)}, wanted a receipt`)
  }

  return {
    async run({ seconds, perSecond }) {
      const latenciesMs: number[] = []
      const pending: Promise<void>[] = []
      await runAtPace({ count: Math.round(seconds * perSecond), perSecond }, (dueMs) => {
        pending.push(
          publish(factory.next().bytes).then(() => {
            latenciesMs.push(performance.now() - dueMs)
          }),
        )
      })
      await Promise.all(pending)
      return { latenciesMs }
    },
    close: async () => client.close(),
  }
}
