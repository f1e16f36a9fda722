import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { percentile, summarize } from './statistics.ts'

describe('summarize', () => {
  test('odd and even numbers of rounds', () => {
    expect(summarize([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 })
    expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 })
    expect(summarize([7])).toEqual({ median: 7, min: 7, max: 7 })
  })

  test('sorts numbers as numbers', () => {
    expect(summarize([100_000, 9, 20]).median).toBe(20)
  })

  test('no rounds is an error', () => {
    expect(() => summarize([])).toThrow('wanted at least one')
  })

  test('the median lies between lowest and highest, whatever the order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }), { minLength: 1 }),
        (values) => {
          const { median, min, max } = summarize(values)
          expect(median).toBeGreaterThanOrEqual(min)
          expect(median).toBeLessThanOrEqual(max)
          expect(summarize(values.toReversed())).toEqual({ median, min, max })
        },
      ),
    )
  })
})

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)

  test('nearest rank', () => {
    expect(percentile(hundred, 0.5)).toBe(50)
    expect(percentile(hundred, 0.99)).toBe(99)
    expect(percentile(hundred, 1)).toBe(100)
    expect(percentile([5, 1], 0.99)).toBe(5)
  })

  test('refuses what has no answer', () => {
    expect(() => percentile([], 0.5)).toThrow('no values')
    expect(() => percentile(hundred, 0)).toThrow('share is 0')
    expect(() => percentile(hundred, 1.1)).toThrow('share is 1.1')
  })
})
