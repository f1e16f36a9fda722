import { describe, expect, test } from 'vitest'
import { bornMsOf, isBefore, type PlaceFacts, placePosition } from './placement.ts'
import { START } from './position.ts'

const full: PlaceFacts = { first: 1, last: 100, found: { stamp: 7n, own: true }, ownTail: undefined }

describe('placePosition', () => {
  test('serves what the origin holds by sequence and stamp', () => {
    expect(placePosition({ sequence: 40, stamp: 7n }, full)).toBe('serve')
    expect(placePosition(START, { ...full, first: 50 })).toBe('serve')
  })

  test('another act of storing at the same sequence is a divergence', () => {
    expect(placePosition({ sequence: 40, stamp: 8n }, full)).toBe('diverged')
    expect(placePosition({ sequence: 40, stamp: 7n }, { ...full, found: { stamp: 7n, own: false } })).toBe('diverged')
    expect(placePosition({ sequence: 40, stamp: 7n }, { ...full, found: undefined })).toBe('diverged')
  })

  test('a position beyond the end is a divergence, also when the stream is empty', () => {
    expect(placePosition({ sequence: 101, stamp: 7n }, { ...full, found: undefined })).toBe('diverged')
    const empty = { first: 1, last: 0, found: undefined, ownTail: undefined }
    expect(placePosition({ sequence: 3, stamp: 7n }, empty)).toBe('diverged')
  })

  test('below the retention start is a gap, unless nothing can have gone with it', () => {
    const kept = { ...full, first: 50, found: undefined }
    expect(placePosition({ sequence: 48, stamp: 7n }, kept)).toBe('retention-gap')
    // The record that was there may have been another one, whose event the receiver has never seen (found by simulation).
    expect(placePosition({ sequence: 49, stamp: 7n }, kept)).toBe('retention-gap')
  })

  test('a quiet origin is served behind what others wrote and retention removed', () => {
    const position = { sequence: 10, stamp: 7n }
    const kept = { ...full, first: 50, found: undefined }
    expect(placePosition(position, { ...kept, ownTail: { position, scanned: 49 } })).toBe('serve')
    expect(placePosition(position, { ...kept, ownTail: { position, scanned: 48 } })).toBe('retention-gap')
    const other = { position: { sequence: 10, stamp: 8n }, scanned: 49 }
    expect(placePosition(position, { ...kept, ownTail: other })).toBe('retention-gap')
  })

  // The story: an origin's stream was made anew and grew beyond the old positions; retention had taken what lay there, so
  // its receivers were told of a gap, and what the origin had lost was not given back.
  test('what is older than the stream is of another log, whatever retention has taken', () => {
    const kept = { ...full, first: 50, found: undefined, bornMs: 1_000_000 }
    const stored = (ms: number) => ({ sequence: 40, stamp: BigInt(ms) * 1_000_000n })
    expect(placePosition(stored(994_999), kept)).toBe('diverged')
    expect(placePosition(stored(995_000), kept)).toBe('retention-gap')
    expect(placePosition(stored(994_999), { ...kept, bornMs: undefined })).toBe('retention-gap')
    expect(placePosition({ ...stored(994_999), sequence: 60 }, { ...kept, found: undefined })).toBe('diverged')
  })
})

test.each([
  ['a stream that keeps what it stored', 1_000_000, 1_000_500, 1_000_000],
  ['a clock that was a little behind', 1_000_000, 995_000, 1_000_000],
  ['a stream that was restored', 1_000_000, 994_999, undefined],
  ['an empty stream', 1_000_000, undefined, 1_000_000],
])('since when records are stored: %s', (_, createdMs, firstMs, bornMs) => {
  expect(bornMsOf(createdMs, firstMs)).toBe(bornMs)
  expect(isBefore({ sequence: 1, stamp: 0n }, bornMs)).toBe(bornMs !== undefined)
})
