/** Nothing more is taken from here on ... */
const FULL_BYTES = 256 * 1024 * 1024
/** ... until no more than this waits. */
const ROOM_BYTES = 128 * 1024 * 1024

/**
 * What came over all links and waits to be stored. Each pull may have as much on its way as a long link needs to stay
 * busy; all of them together may have more than fits in here. When it is full the links stop reading: their peers are
 * held back by the connection's own flow control, and what waits is bounded whatever the number of topics.
 */
export class ReceiveRoom {
  readonly #onFull: (full: boolean) => void
  #bytes = 0
  #full = false

  /** @param onFull called when it becomes full, and when there is room again */
  constructor(onFull: (full: boolean) => void) {
    this.#onFull = onFull
  }

  get full(): boolean {
    return this.#full
  }

  /** So many bytes came, or (negative) do not wait any more. */
  add(bytes: number): void {
    this.#bytes += bytes
    const full = this.#bytes >= (this.#full ? ROOM_BYTES : FULL_BYTES)
    if (full === this.#full) return
    this.#full = full
    this.#onFull(full)
  }
}
