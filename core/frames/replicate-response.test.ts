import { create, fromBinary } from '@bufbuild/protobuf'
import { CloudEventSchema, messageCodec, type ReplicateResponse, ReplicateResponseSchema } from '@landbridge/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cloudEvents } from '../testing/cloud-events.ts'
import { attempt } from '../testing/oracle.ts'
import { Random } from '../testing/random.ts'
import { bytesField, tag, varintField } from '../testing/wire-soup.ts'
import { encodeRecords, type RawRecord, recordByteLength } from './records-writer.ts'
import { type RawReplicateResponse, readReplicateResponse } from './replicate-response.ts'

const eventCodec = messageCodec(CloudEventSchema)
const codec = messageCodec(ReplicateResponseSchema)

const safe = fc.oneof(fc.maxSafeNat(), fc.nat(300))
const stamp = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const rawRecords = fc.array(
  fc
    .record({
      position: fc.record({ sequence: safe.map((value) => Math.max(1, value)), stamp }),
      prev: fc.record({ sequence: safe, stamp }),
      partition: fc.nat(255),
      mark: fc.option(fc.record({ region: fc.constantFrom('', 'eu-west'), sinceMs: safe, untilMs: safe }), {
        nil: undefined,
      }),
      event: cloudEvents,
    })
    .map(({ event, ...rest }): RawRecord => ({ ...rest, event: eventCodec.serialize(event) })),
  { maxLength: 5 },
)
const pullIds = fc.nat(0xffffffff)

/** The same in the words of Protobuf-ES; throws when an event is none. */
function toMessage(pullId: number, records: readonly RawRecord[]): ReplicateResponse {
  return create(ReplicateResponseSchema, {
    response: {
      case: 'records',
      value: {
        pullId,
        records: records.map(({ position, prev, partition, mark, event }) => ({
          sequence: BigInt(position.sequence),
          stamp: position.stamp,
          prevSequence: BigInt(prev.sequence),
          prevStamp: prev.stamp,
          partition,
          ...(mark === undefined
            ? {}
            : { mark: { region: mark.region, sinceMs: BigInt(mark.sinceMs), untilMs: BigInt(mark.untilMs) } }),
          event: fromBinary(CloudEventSchema, new Uint8Array(event)),
        })),
      },
    },
  })
}

function decode(bytes: Uint8Array): ReplicateResponse {
  return fromBinary(ReplicateResponseSchema, new Uint8Array(bytes))
}

/** Without unknown fields, which the walk does not keep. */
function known(message: ReplicateResponse): unknown {
  return JSON.parse(
    JSON.stringify(message, (name, value) => {
      if (name === '$unknown') return undefined
      return typeof value === 'bigint' ? `${value}n` : value
    }),
  )
}

describe('records', () => {
  test('are byte for byte what Protobuf-ES writes, and read as they were', () => {
    fc.assert(
      fc.property(pullIds, rawRecords, (pullId, records) => {
        const bytes = encodeRecords(pullId, records)
        const message = toMessage(pullId, records)
        expect(bytes.equals(codec.serialize(message))).toBe(true)
        expect(decode(bytes)).toEqual(message)
        expect(readReplicateResponse(bytes).value).toEqual({ kind: 'records', pullId, records })
      }),
    )
  })

  test('count as many bytes against the credit as they take', () => {
    fc.assert(
      fc.property(rawRecords, (records) => {
        const bytes = encodeRecords(0, records)
        const body = records.reduce((sum, record) => sum + recordByteLength(record), 0)
        expect(bytes.length - bytesField(1, Buffer.alloc(body)).length).toBe(0)
      }),
    )
  })

  test('read mutated as Protobuf-ES reads them, or refused', () => {
    const random = new Random(11)
    const corpus = fc
      .sample(fc.tuple(pullIds, rawRecords), { seed: 11, numRuns: 40 })
      .map(([pullId, records]) => encodeRecords(pullId, records))
    let compared = 0
    for (let round = 0; round < 10_000; round++) {
      const bytes = random.mutate(corpus[random.below(corpus.length)] ?? Buffer.alloc(0))
      const { value: read } = readReplicateResponse(bytes)
      const wanted = read && attempt(() => comparable(read))
      if (wanted === undefined) continue
      expect(known(decode(bytes))).toEqual(known(wanted))
      compared++
    }
    expect(compared).toBeGreaterThan(500)
  })

  function comparable(read: RawReplicateResponse): ReplicateResponse {
    return read.kind === 'message' ? read.message : toMessage(read.pullId, read.records)
  }
})

describe('other messages', () => {
  test('are decoded', () => {
    const message = create(ReplicateResponseSchema, {
      response: { case: 'head', value: { pullId: 3, head: { sequence: 9n, stamp: 8n }, pending: 7n } },
    })
    const { value } = readReplicateResponse(codec.serialize(message))
    expect(value).toEqual({ kind: 'message', message })
    expect(readReplicateResponse(Buffer.alloc(0)).value?.kind).toBe('message')
  })
})

describe('malformed messages', () => {
  const event = bytesField(7, bytesField(1, 'id'))
  const whole = bytesField(2, Buffer.concat([varintField(1, 5), event]))
  const cases: readonly [what: string, bytes: Buffer][] = [
    ['two messages in one', Buffer.concat([bytesField(1, whole), bytesField(4, '')])],
    ['records in two pieces', Buffer.concat([bytesField(1, whole), bytesField(1, whole)])],
    ['a head that is none', bytesField(2, Buffer.from([0x0a]))],
    ['a record without an event', bytesField(1, bytesField(2, varintField(1, 5)))],
    ['a record without a sequence', bytesField(1, bytesField(2, event))],
    ['an event in two pieces', bytesField(1, bytesField(2, Buffer.concat([varintField(1, 5), event, event])))],
    [
      'a partition too high',
      bytesField(1, bytesField(2, Buffer.concat([varintField(1, 5), varintField(5, 256), event]))),
    ],
    [
      'a sequence that numbers cannot hold',
      bytesField(1, bytesField(2, Buffer.concat([varintField(1, 2n ** 53n), event]))),
    ],
    ['a pull id over 32 bits', bytesField(1, Buffer.concat([varintField(1, 2n ** 32n), whole]))],
    [
      'a stamp that is a varint',
      bytesField(1, bytesField(2, Buffer.concat([varintField(1, 5), varintField(2, 5), event]))),
    ],
    [
      'a mark whose region is none',
      bytesField(1, bytesField(2, Buffer.concat([varintField(1, 5), event, bytesField(6, bytesField(1, 'a b'))]))),
    ],
    [
      'a truncated stamp',
      bytesField(1, bytesField(2, Buffer.concat([varintField(1, 5), event, tag(2, 1), Buffer.alloc(4)]))),
    ],
  ]
  test.each(cases)('%s', (_what, bytes) => {
    expect(readReplicateResponse(bytes).error?.code).toBe('invalid_argument')
  })

  test('the record that these cases are made of is whole', () => {
    expect(readReplicateResponse(bytesField(1, whole)).value).toMatchObject({ kind: 'records', pullId: 0 })
  })
})
