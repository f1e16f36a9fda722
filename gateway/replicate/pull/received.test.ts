import { create, toBinary } from '@bufbuild/protobuf'
import { type Position, type RawRecord, START } from '@landbridge/core'
import { CloudEventSchema } from '@landbridge/proto'
import { describe, expect, test } from 'vitest'
import { ReceivedQueue } from './received.ts'

const place = (sequence: number): Position => ({ sequence, stamp: BigInt(sequence) * 10n })

function record(sequence: number, prev: Position, id = String(sequence)): RawRecord {
  const event = create(CloudEventSchema, { id, source: '/test', specVersion: '1.0', type: 'test' })
  return { position: place(sequence), prev, partition: 0, mark: undefined, event: toBinary(CloudEventSchema, event) }
}

describe('ReceivedQueue', () => {
  test('gives records in order, within the limits of a batch', () => {
    const queue = new ReceivedQueue(START, 10_000)
    queue.push([record(1, START), record(4, place(1)), record(5, place(4))])
    expect(queue.oldestStamp).toBe(10n)
    const first = queue.take(2, 10_000)
    expect(first.records.map(({ messageId }) => messageId)).toEqual(['1:1/test', '1:4/test'])
    expect(queue.take(10, 1).records.map(({ position }) => position.sequence)).toEqual([5])
    expect(queue.take(10, 10_000)).toEqual({ records: [], bytes: 0 })
    expect(queue.tail).toEqual(place(5))
  })

  test('refuses a hole and keeps what came before it', () => {
    const queue = new ReceivedQueue(place(3), 10_000)
    expect(() => queue.push([record(4, place(3)), record(6, place(5))])).toThrow(
      /6 follows 5, wanted one that follows 4/,
    )
    expect(queue.count).toBe(1)
  })

  test('refuses another act of storing at the same sequence', () => {
    const queue = new ReceivedQueue(place(3), 10_000)
    expect(() => queue.push([record(4, { sequence: 3, stamp: 31n })])).toThrow(/follows/)
  })

  test('refuses a record without a valid event', () => {
    const queue = new ReceivedQueue(START, 10_000)
    expect(() => queue.push([record(1, START, '')])).toThrow(/no valid event/)
  })

  test('refuses more than the credit allows', () => {
    const queue = new ReceivedQueue(START, 60)
    expect(() => queue.push([record(1, START), record(2, place(1))])).toThrow(/bytes wait, wanted at most 60/)
  })
})
