import { expect, test } from 'vitest'
import { RateLimit } from './rate-limit.ts'

test('lets what is due pass in order, and no more', async () => {
  const limit = new RateLimit(10_000)
  const { signal } = new AbortController()
  const startedAt = performance.now()
  const passed: number[] = []
  await Promise.all([300, 200, 100].map((count) => limit.take(count, signal).then(() => passed.push(count))))
  expect(passed).toEqual([300, 200, 100])
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49)
})

test('ends a wait with its signal', async () => {
  const limit = new RateLimit(1)
  const leave = new AbortController()
  await limit.take(3_600, leave.signal)
  const waiting = limit.take(1, leave.signal)
  leave.abort()
  await waiting
})
