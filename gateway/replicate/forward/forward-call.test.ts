import { readForwardRequest, scanEvent } from '@landbridge/core'
import { CloudEventSchema, ForwardRequestSchema, messageCodec } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { encodeForward } from './forward-call.ts'

const event = messageCodec(CloudEventSchema).serialize({
  $typeName: 'io.cloudevents.v1.CloudEvent',
  id: '1',
  source: '/test',
  specVersion: '1.0',
  type: 'test',
  attributes: {},
  data: { case: undefined },
})
const message = {
  topic: 'acme/orders',
  events: [event, event],
  ageMs: 61_234.5,
  firstRegion: 'us-east',
  sentMs: 1_790_000_000_123,
  principal: 'alice',
}

test('a request written by hand reads as it should, decoded and not', () => {
  const bytes = encodeForward(message)
  const decoded = messageCodec(ForwardRequestSchema).deserialize(bytes)
  expect(decoded).toMatchObject({
    topic: 'acme/orders',
    principal: 'alice',
    retry: { age: { seconds: 61n, nanos: 235_000_000 }, region: 'us-east', elsewhere: true },
    sentTime: { seconds: 1_790_000_000n, nanos: 123_000_000 },
  })
  expect(decoded.events.map(({ id }) => id)).toEqual(['1', '1'])
  const raw = readForwardRequest(bytes).value
  expect(raw).toMatchObject({ topic: 'acme/orders', principal: 'alice', sentMs: 1_790_000_000_123 })
  expect(raw?.events.map((each) => scanEvent(each).value?.id)).toEqual(['1', '1'])
})

test('an age beyond what may be named is the longest that may', () => {
  const { retry } = messageCodec(ForwardRequestSchema).deserialize(encodeForward({ ...message, ageMs: 1e12 }))
  expect(retry?.age?.seconds).toBe(604_800n)
})
