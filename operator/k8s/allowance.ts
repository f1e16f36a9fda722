/** How often something may be done: `burst` times at once, then `perSecond` times a second. */
export class Allowance {
  readonly #limit: { readonly burst: number; readonly perSecond: number }
  #left: number
  #atMs: number | undefined

  constructor(limit: { readonly burst: number; readonly perSecond: number }) {
    this.#limit = limit
    this.#left = limit.burst
  }

  /** Whether it may be done once more now. @param nowMs By a monotonic clock */
  take(nowMs: number): boolean {
    const { burst, perSecond } = this.#limit
    this.#left = Math.min(burst, this.#left + ((nowMs - (this.#atMs ?? nowMs)) / 1_000) * perSecond)
    this.#atMs = nowMs
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
