/** How large events are mixed into a load. */
export type LargeEvents = {
  /** The shortest time between two of a publisher's, milliseconds. */
  readonly everyMs: number
  readonly minBytes: number
  readonly maxBytes: number
}

/** Says which events of a publisher are large: one at a time, and at most one each `everyMs`. */
export class LargeTurns {
  readonly #options: LargeEvents
  #nextMs: number

  constructor(options: LargeEvents) {
    this.#options = options
    this.#nextMs = options.everyMs
  }

  /** The bytes of the data of the event with this number, published now; undefined when it is not a large one. */
  take(number: number, nowMs: number): number | undefined {
    if (nowMs < this.#nextMs) return undefined
    const { everyMs, minBytes, maxBytes } = this.#options
    this.#nextMs = nowMs + everyMs
    // A prime spreads the numbers over all sizes.
    return minBytes + ((number * 7_919) % (maxBytes - minBytes + 1))
  }
}
