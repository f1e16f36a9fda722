import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DialBreaker } from './dial-breaker.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A breaker whose attempts take `attemptMs` and succeed while `heals` says so. */
function startBreaker(attemptMs: number, isUp: () => boolean) {
  const dialled: number[] = []
  const startedMs = Date.now()
  let upMs: number | undefined
  const breaker = new DialBreaker({
    name: 'peer',
    random: () => 0.999,
    dial: () => {
      dialled.push(Date.now() - startedMs)
      setTimeout(() => {
        if (isUp()) {
          upMs = Date.now() - startedMs
          breaker.up()
        } else breaker.down('refused')
      }, attemptMs)
    },
  })
  breaker.start()
  return { breaker, dialled, upMs: () => upMs }
}

test('it dials again quickly, and once it is open only by one probe a second', async () => {
  const { breaker, dialled } = startBreaker(1, () => false)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(breaker.open).toBe(true)
  expect(dialled.length).toBeGreaterThan(55)
  expect(dialled.length).toBeLessThan(70)
  expect(dialled[1]).toBeLessThan(100)
  breaker.close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(dialled.length).toBeLessThan(70)
})

test.each([1, 500, 900])(
  'a peer that is back is reached within 2 s, when an attempt takes %i ms',
  async (attemptMs) => {
    for (let backMs = 10_000; backMs < 12_000; backMs += 333) {
      const startedMs = Date.now()
      const { breaker, upMs } = startBreaker(attemptMs, () => Date.now() - startedMs >= backMs)
      await vi.advanceTimersByTimeAsync(20_000)
      expect(upMs()).toBeLessThan(backMs + 2_000)
      breaker.close()
    }
  },
)

test('it is closed again after a probe succeeded, and dials anew when what was up is gone', async () => {
  let isUp = false
  const { breaker, dialled } = startBreaker(1, () => isUp)
  await vi.advanceTimersByTimeAsync(20_000)
  isUp = true
  await vi.advanceTimersByTimeAsync(2_000)
  expect(breaker.open).toBe(false)
  const count = dialled.length
  await vi.advanceTimersByTimeAsync(60_000)
  expect(dialled).toHaveLength(count)
  breaker.steady()
  breaker.down('gone')
  await vi.advanceTimersByTimeAsync(100)
  expect(dialled).toHaveLength(count + 1)
  breaker.close()
})
