import { expect, test } from 'vitest'
import { arrivesInTime, onArrival } from './index.ts'

const now = 1_790_000_000_000

test.each([
  ['no time', undefined, true],
  ['just sent', now, true],
  ['as old as it may be', now - 10_000, true],
  ['too old', now - 10_001, false],
  ['as far ahead as clocks may be', now + 5_000, true],
  ['too far ahead', now + 5_001, false],
  ['an hour behind', now - 3_600_000, false],
  ['the beginning of time', 0, false],
  ['no number', Number.NaN, false],
  ['beyond time', Number.POSITIVE_INFINITY, false],
])('an attempt in time: %s', (_what, sentMs, wanted) => {
  expect(arrivesInTime(sentMs, now)).toBe(wanted)
})

test('the age of the first attempt grows on the way', () => {
  const attempt = { ageMs: 1_000, region: 'us-east', elsewhere: false }
  expect(onArrival(attempt, now - 9_000, now)).toEqual({ ...attempt, ageMs: 10_000 })
  expect(onArrival(attempt, now + 1, now)).toEqual(attempt)
  expect(onArrival(attempt, undefined, now)).toEqual(attempt)
})
