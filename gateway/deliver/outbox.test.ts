import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { CloudEventSchema, SubscribeResponseSchema } from '@landbridge/proto'
import { describe, expect, test } from 'vitest'
import { Credit } from './credit.ts'
import { Outbox } from './outbox.ts'

/** An event with that much data. */
function eventOf(bytes: number): Uint8Array {
  const data = { case: 'binaryData' as const, value: new Uint8Array(bytes) }
  return toBinary(CloudEventSchema, create(CloudEventSchema, { data }))
}

/** An outbox whose client takes a frame when the test says so. */
function outboxOf(credit: Credit) {
  const frames: number[] = []
  const waiting: (() => void)[] = []
  const flow: boolean[] = []
  const outbox = new Outbox({
    credit,
    write: (frame, taken) => {
      const { response } = fromBinary(SubscribeResponseSchema, frame)
      frames.push(response.case === 'deliveries' ? response.value.deliveries.length : -1)
      waiting.push(taken)
    },
    onFlow: (open) => flow.push(open),
    onSent: () => {},
  })
  const push = (bytes = 10) => outbox.push({ deliveryId: 1, sequence: 1, attempt: 1, event: eventOf(bytes) })
  return { outbox, frames, flow, push, take: () => waiting.splice(0).forEach((taken) => void taken()) }
}

describe('credit', () => {
  test('counts messages, and bytes once they were granted', () => {
    const messages = new Credit({ messages: 1, bytes: 0n })
    messages.spend(1_000_000)
    expect(messages.ready).toBe(false)
    expect(() => messages.grant({ messages: 1, bytes: 1n })).toThrow(/not counted/)
    const bytes = new Credit({ messages: 10, bytes: 5n })
    bytes.spend(8)
    expect(bytes.ready).toBe(false)
    bytes.grant({ messages: 0, bytes: 3n })
    expect(bytes.ready).toBe(false)
    bytes.grant({ messages: 0, bytes: 1n })
    expect(bytes.ready).toBe(true)
  })

  test('a refused grant changes nothing', () => {
    const credit = new Credit({ messages: 99_999, bytes: 1n })
    expect(() => credit.grant({ messages: 2, bytes: 1n })).toThrow(/100000/)
    expect(() => credit.grant({ messages: 1, bytes: 1n << 40n })).toThrow(/bytes/)
    expect(() => credit.grant({ messages: 0, bytes: 0n })).toThrow(/nothing/)
    expect(credit.messages).toBe(99_999)
  })
})

test('what comes in one go leaves in one frame', async () => {
  const { frames, push } = outboxOf(new Credit({ messages: 100, bytes: 0n }))
  for (let index = 0; index < 5; index += 1) push()
  expect(frames).toEqual([])
  await Promise.resolve()
  expect(frames).toEqual([5])
})

test('stops when the credit is spent, and goes on when more is granted', () => {
  const { outbox, flow, push } = outboxOf(new Credit({ messages: 2, bytes: 0n }))
  push()
  expect(outbox.open).toBe(true)
  push()
  expect(outbox.open).toBe(false)
  outbox.grant({ messages: 1, bytes: 0n })
  expect(outbox.open).toBe(true)
  expect(flow).toEqual([false, true])
})

test('stops while the client does not take what was written', () => {
  const { outbox, frames, flow, push, take } = outboxOf(new Credit({ messages: 1000, bytes: 0n }))
  while (outbox.open) push(200 * 1024)
  expect(frames).toEqual([1, 1, 1])
  take()
  expect(outbox.open).toBe(true)
  expect(flow).toEqual([false, true])
})

test('sends what it has when it closes, then nothing', () => {
  const { outbox, frames, push } = outboxOf(new Credit({ messages: 10, bytes: 0n }))
  push()
  outbox.close()
  expect(frames).toEqual([1])
  expect(outbox.open).toBe(false)
})
