import { expect, test } from 'vitest'
import { Backoff } from './backoff.ts'

test('doubles up to the limit, with jitter over the upper half, and begins again', () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 500 }, () => 0)
  expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([50, 100, 200, 250])
  backoff.reset()
  expect(backoff.next()).toBe(50)
  const late = new Backoff({ minMs: 100, maxMs: 500 }, () => 0.999)
  expect(late.next()).toBeCloseTo(100, 0)
})
