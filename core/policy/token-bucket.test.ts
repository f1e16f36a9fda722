import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenBucket } from './index.ts'

const NONE = { eventsPerSecond: undefined, bytesPerSecond: undefined }
const START = 1_000_000

describe('token bucket', () => {
  it('never waits without a limit', () => {
    const bucket = new TokenBucket(NONE)
    bucket.take(1e9, 1e12, START)
    expect(bucket.waitMs(START)).toBe(0)
    expect(bucket.room(START)).toEqual({ events: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY })
    expect(bucket.isFull(START)).toBe(true)
  })

  it.each<[string, object, number, number, number]>([
    ['half a second is there at once', { eventsPerSecond: 10 }, 5, 0, 0],
    ['a second is there at once', { eventsPerSecond: 10 }, 10, 0, 1],
    ['more is waited for', { eventsPerSecond: 10 }, 30, 0, 2_000],
    ['bytes count, too', { bytesPerSecond: 1_000 }, 1, 4_000, 3_000],
    ['the slower figure decides', { eventsPerSecond: 10, bytesPerSecond: 1_000 }, 20, 1_500, 1_000],
  ])('%s', (_, quota, events, bytes, waitMs) => {
    const bucket = new TokenBucket({ ...NONE, ...quota })
    bucket.take(events, bytes, START)
    expect(bucket.waitMs(START)).toBe(waitMs)
    expect(bucket.waitMs(START + waitMs + 1)).toBe(0)
  })

  it('fills up again, and no further', () => {
    const bucket = new TokenBucket({ ...NONE, eventsPerSecond: 100 })
    bucket.take(100, 0, START)
    expect(bucket.room(START).events).toBe(0)
    expect(bucket.room(START + 250).events).toBe(25)
    expect(bucket.isFull(START + 999)).toBe(false)
    expect(bucket.room(START + 3_600_000).events).toBe(100)
    expect(bucket.isFull(START + 1_000)).toBe(true)
  })

  it('goes on at another rate', () => {
    const bucket = new TokenBucket({ ...NONE, eventsPerSecond: 1 })
    bucket.take(2, 0, START)
    bucket.setQuota({ ...NONE, eventsPerSecond: 1_000 })
    expect(bucket.waitMs(START)).toBe(1_000)
    bucket.take(1_000, 0, START + 1_001)
    expect(bucket.waitMs(START + 1_001)).toBe(999)
  })

  it('lets no more through than its rate, a second of it and one take', () => {
    const takes = fc.array(
      fc.record({ events: fc.integer({ min: 1, max: 50 }), pauseMs: fc.integer({ min: 0, max: 400 }) }),
    )
    fc.assert(
      fc.property(takes, fc.integer({ min: 1, max: 200 }), (wanted, eventsPerSecond) => {
        const bucket = new TokenBucket({ ...NONE, eventsPerSecond })
        let nowMs = START
        let taken = 0
        for (const { events, pauseMs } of wanted) {
          nowMs += pauseMs
          if (bucket.waitMs(nowMs) > 0) continue
          bucket.take(events, 0, nowMs)
          taken += events
        }
        expect(taken).toBeLessThanOrEqual(((nowMs - START) / 1_000 + 1) * eventsPerSecond + 50)
      }),
    )
  })
})
