import { expect, test } from 'vitest'
import { Allowance } from './allowance.ts'

test('a burst, then as many as time allows, and never more than a burst', () => {
  const allowance = new Allowance({ burst: 3, perSecond: 2 })
  const taken = (nowMs: number, tries: number) =>
    Array.from({ length: tries }, () => allowance.take(nowMs)).filter(Boolean).length
  expect(taken(1_000, 5)).toBe(3)
  expect(taken(1_400, 5)).toBe(0)
  expect(taken(1_500, 5)).toBe(1)
  expect(taken(2_500, 5)).toBe(2)
  expect(taken(60_000, 5)).toBe(3)
})
