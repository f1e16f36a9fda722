import { setTimeout as delay } from 'node:timers/promises'

/** Waits until `isSo` answers with something true and returns it; fails with `what` after `timeoutMs`. */
export async function until<Value>(
  what: string,
  isSo: () => Value | Promise<Value>,
  timeoutMs = 10_000,
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await isSo()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`wait until ${what}: not so after ${timeoutMs} ms`)
    await delay(10)
  }
}
