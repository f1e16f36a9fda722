import { setTimeout as delay } from 'node:timers/promises'

/** Arrivals at a constant rate. */
export type Pace = { readonly count: number; readonly perSecond: number }

/**
 * Calls `act` at each due time (`dueMs` on the clock of performance.now()), and resolves after the last. A call that is late changes no later due
 * time: this is an open loop, so a slow answer cannot slow down the questions and hide itself.
 *
 * Timers fire up to 1 ms late. The last millisecond is spent in the event loop's own turns instead, which still lets answers in.
 */
export async function runAtPace(pace: Pace, act: (dueMs: number, index: number) => void): Promise<void> {
  const intervalMs = 1_000 / pace.perSecond
  const startMs = performance.now() + intervalMs
  for (let index = 0; index < pace.count; index++) {
    const dueMs = startMs + index * intervalMs
    const waitMs = Math.floor(dueMs - performance.now()) - 1
    if (waitMs > 0) await delay(waitMs)
    while (performance.now() < dueMs) await nextTurn()
    act(dueMs, index)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
