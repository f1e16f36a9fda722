import { setTimeout as delay } from 'node:timers/promises'

const WITHIN_MS = 60_000
const POLL_MS = 50

/** Tries until `check` says true; what it throws counts as false until the time is over. */
export async function until(check: () => Promise<boolean>, withinMs = WITHIN_MS): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let problem: unknown = new Error('it did not become true')
    const done = await check().catch((error: unknown) => {
      problem = error
      return false
    })
    if (done) return
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms`, { cause: problem })
    await delay(POLL_MS)
  }
}
