/** Packets are lost, and sent again a round trip later, as a TCP does that is told of each hole (selective acknowledgements). */
export type PacketLoss = {
  /** Share of the packets that is lost, 0 to below 1. */
  readonly ratio: number
  /** What is lost arrives this much later, milliseconds. */
  readonly resentAfterMs: number
}

/** What a packet carries where frames have 1,500 bytes, as on most links. */
const PACKET_BYTES = 1_448

/** How likely at least one packet is lost of those that carry so many bytes. */
export function chanceOfLoss(bytes: number, ratio: number): number {
  return 1 - (1 - ratio) ** Math.ceil(bytes / PACKET_BYTES)
}

type Arrival = { readonly dueMs: number; readonly bytes: number; arrive(): void }

/**
 * One direction of a connection on which some things arrive late.
 *
 * 1. Everything arrives in the order in which it was sent: what is behind something late waits for it, and arrives with it.
 * 2. What is behind goes on being sent meanwhile: several late things are waited for at the same time.
 * 3. It holds what it is given: who gives bounds it by `waitingBytes`.
 */
export class LateWay {
  readonly #arrivals: Arrival[] = []
  #waitingBytes = 0
  #lastDueMs = 0
  #timer: NodeJS.Timeout | undefined

  /** What was sent and has not arrived. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get empty(): boolean {
    return this.#arrivals.length === 0
  }

  /** Calls `arrive` after `lateMs`, and after all that was sent before. */
  send(bytes: number, lateMs: number, arrive: () => void): void {
    if (this.empty && lateMs === 0) {
      arrive()
      return
    }
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + lateMs)
    this.#arrivals.push({ dueMs: this.#lastDueMs, bytes, arrive })
    this.#waitingBytes += bytes
    this.#schedule()
  }

  /** Forgets what has not arrived. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#arrivals.length = 0
    this.#waitingBytes = 0
  }

  #schedule(): void {
    const [next] = this.#arrivals
    if (next === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#deliver(), Math.max(0, Math.ceil(next.dueMs - performance.now())))
  }

  #deliver(): void {
    this.#timer = undefined
    for (
      let next = this.#arrivals[0];
      next !== undefined && next.dueMs <= performance.now();
      next = this.#arrivals[0]
    ) {
      this.#arrivals.shift()
      this.#waitingBytes -= next.bytes
      next.arrive()
    }
    this.#schedule()
  }
}
