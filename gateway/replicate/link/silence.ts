/** Time without a byte after which a link is dead: the server has data on its way, or speaks each second. */
const SILENCE_MS = 2_600
/** Time without a whole message after which a link is useless, though bytes trickle: an event of 8 MiB at 28 KB/s. */
const MESSAGE_SILENCE_MS = 300_000
/** The first word must come sooner: it is what a healed link waits for. */
const FIRST_WORD_MS = 2_000

/** How long nothing was heard of a peer, by a clock that is never set back. */
export class Silence {
  readonly #receivedBytes: () => number
  /** When a whole message last came. */
  #heardAt = performance.now()
  /** When bytes last came, and how many had come by then. */
  #contactAt = this.#heardAt
  #bytes = 0
  #everHeard = false

  /** @param receivedBytes how many bytes came so far */
  constructor(receivedBytes: () => number) {
    this.#receivedBytes = receivedBytes
  }

  /** True once a whole message came. */
  get everHeard(): boolean {
    return this.#everHeard
  }

  /** Ms since a whole message last came. */
  get heardAgoMs(): number {
    return performance.now() - this.#heardAt
  }

  /** A whole message came. */
  heard(): void {
    this.forgive()
    this.#everHeard = true
  }

  /** Nobody listened until now: that nothing was heard says nothing. */
  forgive(): void {
    this.#heardAt = performance.now()
    this.#contactAt = this.#heardAt
  }

  /** What is missing for too long; undefined while nothing is. */
  problem(): string | undefined {
    const now = performance.now()
    const bytes = this.#receivedBytes()
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#contactAt = now
    }
    const unheardMs = now - this.#heardAt
    // Until the first message bytes say nothing: those of a handshake may come from what is not our peer.
    if (!this.#everHeard) return unheardMs >= FIRST_WORD_MS ? `nothing was heard for ${FIRST_WORD_MS} ms` : undefined
    if (now - this.#contactAt >= SILENCE_MS) return `nothing was heard for ${SILENCE_MS} ms`
    return unheardMs >= MESSAGE_SILENCE_MS ? `no whole message came for ${MESSAGE_SILENCE_MS} ms` : undefined
  }
}
