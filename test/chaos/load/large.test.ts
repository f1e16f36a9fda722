import { expect, it } from 'vitest'
import { LargeTurns } from './large.ts'

it('makes one event at a time large, of many sizes within the bounds', () => {
  const turns = new LargeTurns({ everyMs: 1_000, minBytes: 100, maxBytes: 400 })
  expect(turns.take(1, 999)).toBeUndefined()
  const sizes: number[] = []
  for (let number = 2; number < 100; number++) {
    const bytes = turns.take(number, number * 1_000)
    if (bytes !== undefined) sizes.push(bytes)
    expect(turns.take(number + 1, number * 1_000 + 999)).toBeUndefined()
  }
  expect(sizes).toHaveLength(98)
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(100)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(400)
  expect(new Set(sizes).size).toBeGreaterThan(50)
})
