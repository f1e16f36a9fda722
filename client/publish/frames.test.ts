import { messageCodec, PublishRequestSchema, PublishStreamRequestSchema } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { encodeEvent } from '../event/index.ts'
import { encodePublishRequest, encodeStreamRequest } from './frames.ts'

const retry = {
  $typeName: 'landbridge.v1.Retry' as const,
  age: { $typeName: 'google.protobuf.Duration' as const, seconds: 3n, nanos: 5 },
  region: 'east',
  elsewhere: true,
}
const events = [
  encodeEvent({ type: 'a', id: '1' }, '/s'),
  encodeEvent({ type: 'b', id: '2', data: 'x'.repeat(300) }, '/s'),
]
const batch = { topic: 'acme/orders', events, retry, sentMs: 1_790_000_000_123.9 }
const sentTime = { seconds: 1_790_000_000n, nanos: 123_000_000 }
const wanted = { topic: 'acme/orders', events: [{ id: '1' }, { id: '2' }], retry, sentTime }

test('requests written by hand are what the generated code reads', () => {
  expect(messageCodec(PublishRequestSchema).deserialize(encodePublishRequest(batch))).toMatchObject(wanted)
  const stream = messageCodec(PublishStreamRequestSchema)
  expect(stream.deserialize(encodeStreamRequest(batch, 2 ** 40))).toMatchObject({ ...wanted, batchId: 2n ** 40n })
  expect(stream.deserialize(encodeStreamRequest({ ...batch, retry: undefined }, 1)).retry).toBeUndefined()
})
