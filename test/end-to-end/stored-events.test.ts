import { fromBinary } from '@bufbuild/protobuf'
import { CloudEventSchema } from '@landbridge/proto'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { connectFrom, startMesh, topic } from './mesh.ts'

test('a plain NATS client reads what is stored as CloudEvents, in every region', async () => {
  await using lab = await startMesh()
  await using mesh = connectFrom(lab, 'us-east')
  const event = { id: 'e-1', type: 'order.created', subject: 'orders/1', partitionKey: 'one', data: { total: 7 } }
  const [receipt] = await mesh.publish(topic, event)
  expect(receipt).toMatchObject({ region: 'us-east', duplicate: false })
  for (const { natsUrls } of lab.regions) {
    const connection = await connect({ servers: [...natsUrls] })
    try {
      await (await jetstreamManager(connection)).consumers.add('lb_acme_orders', {
        durable_name: 'plain',
        ack_policy: AckPolicy.Explicit,
      })
      const consumer = await jetstream(connection).consumers.get('lb_acme_orders', 'plain')
      const message = await consumer.next({ expires: 10_000 })
      expect(message?.subject).toMatch(/^lb\.acme\.orders\.us-east\.[0-3]$/)
      const stored = fromBinary(CloudEventSchema, message?.data ?? new Uint8Array())
      expect(stored).toMatchObject({
        id: 'e-1',
        source: 'urn:service:us-east',
        specVersion: '1.0',
        type: 'order.created',
      })
      expect(stored.attributes).toMatchObject({
        subject: { attr: { value: 'orders/1' } },
        partitionkey: { attr: { value: 'one' } },
        lborigin: { attr: { value: 'us-east' } },
        authid: { attr: { value: 'service-us-east' } },
      })
      expect(
        JSON.parse(String(stored.data.case === 'binaryData' ? Buffer.from(stored.data.value) : stored.data.value)),
      ).toEqual({ total: 7 })
    } finally {
      await connection.close()
    }
  }
})
