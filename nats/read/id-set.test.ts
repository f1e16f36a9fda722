import { encodeControl, encodeMark, HEADER } from '@landbridge/core'
import { expect, test } from 'vitest'
import { IdRoom } from './id-room.ts'
import { IdSet } from './id-set.ts'
import { rawMessage } from './message.ts'

/** A marked event whose other attempts can have been stored until then. */
function marked(sequence: number, untilMs: number | undefined, id = `id-${sequence}`, region = 'us-east') {
  const mark = untilMs === undefined ? '' : `${HEADER.retryOf}: ${encodeMark({ region, sinceMs: 0, untilMs })}\r\n`
  return stored(sequence, `NATS/1.0\r\n${HEADER.messageId}: ${id}\r\n${mark}\r\n`)
}

function stored(seq: number, block: string) {
  const hdrs = Buffer.from(block).toString('base64')
  return rawMessage({ subject: 'lb.acme.orders.us-east.0.m', seq, time: '2026-01-01T00:00:00Z', hdrs })
}

const from = (origin: string, storedMs: number) => ({ origin, storedMs })

test('what it had no room for may be a copy only of what was stored before its span was over', () => {
  const set = new IdSet(new IdRoom(2))
  for (const [sequence, untilMs] of [
    [1, 500],
    [2, 300],
    [3, 700],
    [4, 900],
  ] as const)
    set.add(marked(sequence, untilMs))
  expect([1, 2, 3, 4].map((sequence) => set.sequenceOf(`id-${sequence}`))).toEqual([undefined, undefined, 3, 4])
  expect([300, 500, 501, 900].map((storedMs) => set.covers(from('us-east', storedMs)))).toEqual([
    false,
    false,
    true,
    true,
  ])
  expect([set.size, set.complete]).toEqual([2, false])
  // One that does not say when it was over may be a copy of anything.
  set.add(marked(5, undefined))
  set.add(marked(6, 1_000))
  set.add(marked(7, 1_000))
  expect(set.covers(from('eu-west', Number.MAX_SAFE_INTEGER))).toBe(false)
})

test('the longest span of an event counts, and a marker stands for its event', () => {
  const set = new IdSet(new IdRoom(1))
  set.add(marked(1, 800, 'x'))
  set.add(marked(2, 400, 'x'))
  const mark = { region: 'us-east', sinceMs: 0, untilMs: 600 }
  set.add(stored(3, encodeControl({ kind: 'marker', messageId: 'y', localSequence: 1, mark })))
  expect([
    set.sequenceOf('x'),
    set.sequenceOf('y'),
    set.covers(from('us-east', 800)),
    set.covers(from('us-east', 801)),
  ]).toEqual([undefined, 1, false, true])
})

test('sets that share a room have one bound, and the largest gives way', () => {
  const room = new IdRoom(10)
  const [large, small, third] = [new IdSet(room), new IdSet(room), new IdSet(room)]
  for (let sequence = 1; sequence <= 8; sequence++) large.add(marked(sequence, sequence))
  for (let sequence = 1; sequence <= 3; sequence++) small.add(marked(sequence, sequence))
  third.add(marked(1, 1))
  expect([large.size, small.size, third.size, room.used]).toEqual([6, 3, 1, 10])
  expect([large.complete, small.complete, third.complete]).toEqual([false, true, true])
  large.leave()
  large.add(marked(9, 9))
  large.leave()
  expect(room.used).toBe(4)
})

test('what was retried from one region says nothing of the events of another', () => {
  const set = new IdSet(new IdRoom(1))
  set.add(marked(1, 500, 'a', 'us-east'))
  set.add(marked(2, 300, 'b', ''))
  set.add(marked(3, 900, 'c', 'eu-west'))
  const covers = (origin: string) => [300, 301, 500, 501].map((storedMs) => set.covers(from(origin, storedMs)))
  expect(covers('us-east')).toEqual([false, false, false, true])
  expect(covers('eu-west')).toEqual([false, true, true, true])
})

test('regions that nobody knows take no room without end', () => {
  const set = new IdSet(new IdRoom(1))
  for (let sequence = 1; sequence <= 100; sequence++)
    set.add(marked(sequence, sequence, `id-${sequence}`, `r${sequence}`))
  // The 65th and those behind it are not told apart any more.
  expect([set.covers(from('r1', 2)), set.covers(from('other', 99)), set.covers(from('other', 100))]).toEqual([
    false,
    false,
    true,
  ])
})
