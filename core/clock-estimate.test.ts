import { expect, test } from 'vitest'
import { betterEstimate, clockErrorMs, clockSample } from './clock-estimate.ts'

test('a sample is right within half of its way', () => {
  for (const outMs of [0, 3, 10]) {
    // The other clock is 1,000,000 ahead; the question takes `outMs` of 10 ms.
    const sample = clockSample(500, 510, 1_000_500 + outMs)
    expect(sample.errorMs).toBe(5)
    expect(Math.abs(sample.aheadMs - 1_000_000)).toBeLessThanOrEqual(sample.errorMs)
  }
})

test('an estimate gets worse with time', () => {
  const sample = clockSample(0, 2, 100)
  expect(clockErrorMs(sample, 2)).toBe(1)
  expect(clockErrorMs(sample, 10_002)).toBeCloseTo(3)
})

test.each([
  ['the first', undefined, { aheadMs: 7, errorMs: 50, atMs: 0 }, 'sample'],
  ['a sharper one', { aheadMs: 7, errorMs: 5, atMs: 0 }, { aheadMs: 8, errorMs: 1, atMs: 10 }, 'sample'],
  ['a blurred one', { aheadMs: 7, errorMs: 1, atMs: 0 }, { aheadMs: 9, errorMs: 5, atMs: 10 }, 'known'],
  [
    'a blurred one, long after',
    { aheadMs: 7, errorMs: 1, atMs: 0 },
    { aheadMs: 9, errorMs: 5, atMs: 30_000 },
    'sample',
  ],
  [
    'the other clock was set back',
    { aheadMs: 7, errorMs: 1, atMs: 0 },
    { aheadMs: -90, errorMs: 5, atMs: 10 },
    'sample',
  ],
] as const)('%s', (_, known, sample, better) => {
  expect(betterEstimate(known, sample)).toBe(better === 'sample' ? sample : known)
})
