import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareHybridTimes,
  formatHybridTime,
  HYBRID_COUNTER_MAX,
  HYBRID_DRIFT_MAX_MS,
  HybridClock,
  type HybridTime,
  parseHybridTime,
} from './clock.ts'

const times = fc.record({ ms: fc.nat(9_999_999_999_999), counter: fc.nat(HYBRID_COUNTER_MAX) })

describe('HybridClock', () => {
  test('follows the machine, and counts within a millisecond', () => {
    let nowMs = 1_000.7
    const clock = new HybridClock(() => nowMs)
    expect([clock.tick(), clock.tick()]).toEqual([
      { ms: 1_000, counter: 0 },
      { ms: 1_000, counter: 1 },
    ])
    nowMs = 1_001
    expect(clock.tick()).toEqual({ ms: 1_001, counter: 0 })
  })

  test('goes on in the next millisecond when the counter is used up', () => {
    const clock = new HybridClock(() => 5)
    for (let count = 0; count <= HYBRID_COUNTER_MAX; count++) clock.advance()
    expect([clock.ms, clock.counter]).toEqual([5, HYBRID_COUNTER_MAX])
    expect(clock.tick()).toEqual({ ms: 6, counter: 0 })
    expect(clock.physicalMs).toBe(5)
  })

  test('never goes backwards, whatever the machine says and others sent', () => {
    const step = fc.oneof(fc.record({ nowMs: fc.nat(200_000) }), fc.record({ remote: times }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let nowMs = 100_000
        let last: HybridTime = { ms: -1, counter: 0 }
        const clock = new HybridClock(() => nowMs)
        for (const each of steps) {
          if ('nowMs' in each) nowMs = each.nowMs
          else if (clock.observe(each.remote)) last = compareHybridTimes(each.remote, last) > 0 ? each.remote : last
          const tick = clock.tick()
          expect(compareHybridTimes(tick, last)).toBeGreaterThan(0)
          last = tick
        }
      }),
    )
  })

  test('does not follow a clock that is far ahead', () => {
    const clock = new HybridClock(() => 1_000)
    expect(clock.observe({ ms: 1_000 + HYBRID_DRIFT_MAX_MS + 1, counter: 0 })).toBe(false)
    expect(clock.tick().ms).toBe(1_000)
    expect(clock.observe({ ms: 1_000 + HYBRID_DRIFT_MAX_MS, counter: 7 })).toBe(true)
    expect(clock.tick()).toEqual({ ms: 1_000 + HYBRID_DRIFT_MAX_MS, counter: 8 })
  })
})

describe('text of a hybrid time', () => {
  test('is fixed', () => {
    expect(formatHybridTime({ ms: 1_763_708_652_000, counter: 1 })).toBe('1763708652000.00001')
  })

  test('sorts like the times and reads back', () => {
    fc.assert(
      fc.property(times, times, (one, other) => {
        const [a, b] = [formatHybridTime(one), formatHybridTime(other)]
        expect(a < b).toBe(compareHybridTimes(one, other) < 0)
        expect(parseHybridTime(a).value).toEqual(one)
      }),
    )
  })

  test.each(['', '1.2', '1763708652000', '1763708652000.0001', '17637086520000.00001', '1763708652000.0000x'])(
    'is not %s',
    (text) => {
      expect(parseHybridTime(text).error?.message).toContain('wanted 13 digits, a dot and 5 digits')
    },
  )
})
