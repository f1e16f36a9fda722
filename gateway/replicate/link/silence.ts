/** Time without a byte after which a link is dead: the server has data on its way, or speaks each second. */
const SILENCE_MS = 2_600
/** Time without a whole message after which a link is useless, though bytes trickle: an event of 8 MiB at 28 KB/s. */
const MESSAGE_SILENCE_MS = 300_000
/** The first word must come sooner: it is what a healed link waits for. */
const FIRST_WORD_MS = 2_000

/** How often it is looked whether nothing was heard. */
const LOOK_MS = 200

/** How long nothing was heard of a peer, by a clock that is never set back. */
export class Silence {
  readonly #receivedBytes: () => number
  #suspended = false
  /** When a whole message last came. */
  #heardAt = performance.now()
  /** When bytes last came, and how many had come by then. */
  #contactAt = this.#heardAt
  #bytes = 0
  #everHeard = false

  /** @param receivedBytes how many bytes came so far; without it only whole messages count */
  constructor(receivedBytes: () => number = () => 0) {
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
    this.#forgive()
    this.#everHeard = true
  }

  /** Nobody listens from now on, until told otherwise: that nothing is heard says nothing. */
  suspend(suspended: boolean): void {
    this.#suspended = suspended
    this.#forgive()
  }

  /** What is missing for too long; undefined while nothing is. */
  problem(): string | undefined {
    if (this.#suspended) return undefined
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

  #forgive(): void {
    this.#heardAt = performance.now()
    this.#contactAt = this.#heardAt
  }
}

/** Watches over the silence of one peer, until it is closed. */
export class SilenceWatch {
  readonly #silence: Silence
  readonly #onSilent: (why: string) => void
  readonly #timer = setInterval(() => this.#look(), LOOK_MS)
  #closed = false

  /** @param onSilent called when nothing was heard for too long, again and again until closed */
  constructor(silence: Silence, onSilent: (why: string) => void) {
    this.#silence = silence
    this.#onSilent = onSilent
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  #look(): void {
    if (this.#silence.problem() === undefined) return
    // After a stall of this process what came meanwhile still waits in the socket: look once more behind it.
    setImmediate(() => {
      const problem = this.#silence.problem()
      if (problem !== undefined && !this.#closed) this.#onSilent(problem)
    })
  }
}
