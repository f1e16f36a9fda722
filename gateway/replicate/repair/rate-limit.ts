import { pause } from '../pause.ts'

/** Lets a bounded number of things pass a second; who comes too early waits, in the order of coming. */
export class RateLimit {
  readonly #perSecond: number
  /** When the next one may pass, by the monotonic clock. */
  #freeMs = 0

  /** @param perSecond over any longer time; a call may take more at once, and the next one waits for it */
  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Resolves when `count` more may pass, or when `signal` is aborted. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    const nowMs = performance.now()
    const startMs = Math.max(nowMs, this.#freeMs)
    this.#freeMs = startMs + (count / this.#perSecond) * 1_000
    if (startMs > nowMs) await pause(startMs - nowMs, signal)
  }
}
