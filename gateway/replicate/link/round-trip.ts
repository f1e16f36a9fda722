/** The least of so many is the way itself: the others waited behind records. */
const SAMPLES = 8

/** The way there and back over a link, from pings. */
export class RoundTrip {
  readonly #samples: number[] = []
  #id = 0n
  #sentAt: number | undefined

  /** Ms; undefined while no ping came back. */
  get ms(): number | undefined {
    return this.#samples.length === 0 ? undefined : Math.min(...this.#samples)
  }

  /** The id of the ping that leaves now: the same again while it has not come back, for the peer must hear of us. */
  ping(): bigint {
    if (this.#sentAt === undefined) {
      this.#sentAt = performance.now()
      this.#id += 1n
    }
    return this.#id
  }

  /** A ping came back. */
  pong(id: bigint): void {
    if (id !== this.#id || this.#sentAt === undefined) return
    this.#samples.push(performance.now() - this.#sentAt)
    if (this.#samples.length > SAMPLES) this.#samples.shift()
    this.#sentAt = undefined
  }
}
