/** Bounds of a backoff, in ms. */
export type BackoffRange = {
  readonly minMs: number
  readonly maxMs: number
}

/** Doubling waits with jitter: between half and all of min, 2 min, 4 min ... up to max. */
export class Backoff {
  readonly #range: BackoffRange
  readonly #random: () => number
  #failures = 0

  /** @param random 0 (included) to 1 (excluded) */
  constructor(range: BackoffRange, random: () => number = Math.random) {
    this.#range = range
    this.#random = random
  }

  /** The next wait, in ms. */
  next(): number {
    const { minMs, maxMs } = this.#range
    const limit = Math.min(maxMs, minMs * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    return limit / 2 + this.#random() * (limit / 2)
  }

  /** Begins again at the shortest wait. */
  reset(): void {
    this.#failures = 0
  }
}
