import { describe, expect, test } from 'vitest'
import { type PlaceFacts, placePosition } from './placement.ts'
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
})
