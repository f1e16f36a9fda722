import { create, fromBinary } from '@bufbuild/protobuf'
import {
  CloudEventSchema,
  messageCodec,
  PublishRequestSchema,
  PublishStreamRequestSchema,
  RetrySchema,
} from '@landbridge/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cloudEvents } from '../testing/cloud-events.ts'
import { attempt } from '../testing/oracle.ts'
import { Random } from '../testing/random.ts'
import { bytesField, tag, varintField } from '../testing/wire-soup.ts'
import { encodeTimestamp } from '../timestamp.ts'
import { PUBLISH_EVENTS_MAX, readPublishRequest, readPublishStreamRequest } from './publish-request.ts'

const requestCodec = messageCodec(PublishRequestSchema)
const batchCodec = messageCodec(PublishStreamRequestSchema)

const retry = fc.record({
  age: fc.record({ seconds: fc.bigInt({ min: 0n, max: 604_800n }), nanos: fc.integer({ min: 0, max: 999_999_999 }) }),
  region: fc.constantFrom('', 'us-east'),
  elsewhere: fc.boolean(),
})
const time = fc.record({
  seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  nanos: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
})
const batches = fc
  .record({
    batchId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    topic: fc.string({ unit: 'grapheme', maxLength: 30 }),
    events: fc.array(cloudEvents, { maxLength: 5 }),
    retry: fc.option(retry, { nil: undefined }),
    sentTime: fc.option(time, { nil: undefined }),
  })
  .map(({ retry, sentTime, ...rest }) =>
    create(PublishStreamRequestSchema, {
      ...rest,
      ...(retry === undefined ? {} : { retry: create(RetrySchema, retry) }),
      ...(sentTime === undefined ? {} : { sentTime }),
    }),
  )

function msOf(time: { readonly seconds: bigint; readonly nanos: number } | undefined): number | undefined {
  return time && Number(time.seconds) * 1_000 + time.nanos / 1_000_000
}

function decodeAll(events: readonly Uint8Array[]) {
  return events.map((event) => fromBinary(CloudEventSchema, new Uint8Array(event)))
}

describe('publish requests', () => {
  test('read as Protobuf-ES wrote them', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const { value: read } = readPublishStreamRequest(batchCodec.serialize(batch))
        expect(read?.batchId).toBe(batch.batchId)
        expect(read?.topic).toBe(batch.topic)
        expect(decodeAll(read?.events ?? [])).toEqual(batch.events)
        expect(read?.retry && fromBinary(RetrySchema, new Uint8Array(read.retry))).toEqual(batch.retry)

        const { $typeName: _, batchId: __, ...rest } = batch
        const { value: unary } = readPublishRequest(requestCodec.serialize(create(PublishRequestSchema, rest)))
        expect(unary?.topic).toBe(batch.topic)
        expect(unary?.events.map((event) => Buffer.from(event))).toEqual(
          read?.events.map((event) => Buffer.from(event)),
        )
        expect(unary?.retry && Buffer.from(unary.retry)).toEqual(read?.retry && Buffer.from(read.retry))
        expect(read?.sentMs).toBe(msOf(batch.sentTime))
        expect(unary?.sentMs).toBe(msOf(batch.sentTime))
      }),
    )
  })

  test('reads a time in pieces, and what was written by hand', () => {
    const pieces = Buffer.concat([bytesField(4, varintField(1, 5)), bytesField(4, varintField(2, 7_000_000))])
    expect(readPublishRequest(pieces).value?.sentMs).toBe(5_007)
    for (const ms of [0, 999, 1_000, 1_790_000_000_123])
      expect(readPublishRequest(bytesField(4, encodeTimestamp(ms))).value?.sentMs).toBe(ms)
  })

  test('reads fields in any order, the last topic, and a retry that comes in pieces', () => {
    const bytes = Buffer.concat([
      bytesField(4, bytesField(2, 'us-east')),
      bytesField(3, 'one'),
      bytesField(2, 'acme/first'),
      bytesField(99, 'unknown'),
      bytesField(4, varintField(3, 1)),
      bytesField(3, 'two'),
      bytesField(2, 'acme/last'),
      varintField(1, 2n ** 64n - 1n),
    ])
    const { value } = readPublishStreamRequest(bytes)
    expect(value?.batchId).toBe(2n ** 64n - 1n)
    expect(value?.topic).toBe('acme/last')
    expect(value?.events.map((event) => Buffer.from(event).toString())).toEqual(['one', 'two'])
    const pieces = fromBinary(RetrySchema, value?.retry ?? Buffer.alloc(0))
    expect(pieces).toMatchObject({ region: 'us-east', elsewhere: true })
  })

  test.each([
    ['a topic that is not UTF-8', bytesField(2, Buffer.from([0xff]))],
    ['a batch id of bytes', bytesField(1, 'x')],
    ['an event that is a number', varintField(3, 1)],
    ['a time that is malformed', bytesField(5, Buffer.from([0x08]))],
    ['a time of text', bytesField(5, bytesField(1, 'x'))],
    ['a truncated event', bytesField(3, 'event').subarray(0, 4)],
    ['a group', Buffer.concat([tag(9, 3), tag(9, 4)])],
  ])('refuses %s', (_what, bytes) => {
    expect(readPublishStreamRequest(bytes).error?.message).toContain('malformed')
  })

  test('refuses more events than the limit', () => {
    const events = Array.from({ length: PUBLISH_EVENTS_MAX }, () => bytesField(2, 'x'))
    expect(readPublishRequest(Buffer.concat(events)).value?.events).toHaveLength(PUBLISH_EVENTS_MAX)
    const { error } = readPublishRequest(Buffer.concat([...events, bytesField(2, 'x')]))
    expect(error?.message).toContain(`more than ${PUBLISH_EVENTS_MAX} events`)
  })

  test('reads mutated requests as Protobuf-ES does, or refuses them', () => {
    const random = new Random(7)
    const corpus = fc.sample(batches, { seed: 7, numRuns: 40 }).map((batch) => batchCodec.serialize(batch))
    let compared = 0
    for (let round = 0; round < 10_000; round++) {
      const bytes = random.mutate(corpus[random.below(corpus.length)] ?? Buffer.alloc(0))
      const { value: read } = readPublishStreamRequest(bytes)
      if (read === undefined) continue
      const events = attempt(() => decodeAll(read.events))
      const readRetry = attempt(() => [read.retry && fromBinary(RetrySchema, new Uint8Array(read.retry))])
      // The walk leaves events and retry to their own readers; it can be compared where these are whole.
      if (events === undefined || readRetry === undefined) continue
      const decoded = fromBinary(PublishStreamRequestSchema, new Uint8Array(bytes))
      expect(read.batchId).toBe(decoded.batchId)
      expect(read.topic).toBe(decoded.topic)
      expect(events).toEqual(decoded.events)
      expect(readRetry).toEqual([decoded.retry])
      expect(read.sentMs).toBe(msOf(decoded.sentTime))
      compared++
    }
    expect(compared).toBeGreaterThan(500)
  })
})
