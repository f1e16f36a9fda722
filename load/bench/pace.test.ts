import { expect, test } from 'vitest'

import { runAtPace } from './pace.ts'

test('due times keep the rate, also after a stall', async () => {
  const due: number[] = []
  const called: number[] = []
  await runAtPace({ count: 20, perSecond: 1_000 }, (dueMs, index) => {
    due.push(dueMs)
    // A generator that is held up: the arrivals behind it are late, and say so.
    if (index === 5) {
      const until = performance.now() + 10
      while (performance.now() < until);
    }
    called.push(performance.now())
  })
  expect(due).toHaveLength(20)
  for (const [index, dueMs] of due.entries()) {
    expect(dueMs - (due[0] ?? 0)).toBeCloseTo(index, 6)
    expect(called[index]).toBeGreaterThanOrEqual(dueMs)
  }
  expect((called[6] ?? 0) - (due[6] ?? 0)).toBeGreaterThan(5)
})
