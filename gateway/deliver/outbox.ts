import { encodeDeliveries, type RawDelivery } from '@landbridge/core'
import type { Credit, Grant } from './credit.ts'

/** What an outbox needs. */
export type OutboxOptions = {
  readonly credit: Credit
  /** Sends a frame; calls `taken` when the client's flow control has let it go. */
  readonly write: (frame: Buffer, taken: () => void) => void
  /** Called when delivery must stop (false) or may go on (true). */
  readonly onFlow: (open: boolean) => void
  /** Called after each frame. */
  readonly onSent: (events: number, bytes: number) => void
}

/** A frame is sent at the latest when it has this many events, or bytes. */
const FRAME_EVENTS_MAX = 500
const FRAME_BYTES_MAX = 128 * 1024
/** Written and not taken by the client: beyond this it does not keep up. */
const WAITING_BYTES_MAX = 512 * 1024

/**
 * Deliveries on their way to one subscriber. Guarantees:
 * 1. Nothing is taken without credit, nor while the client does not take what was written: at most 512 KiB and one
 *    event wait for it.
 * 2. What comes in one go (one read of the NATS socket) leaves in one frame, and nothing waits for more.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #frame: RawDelivery[] = []
  #frameBytes = 0
  #scheduled = false
  #waitingBytes = 0
  #closed = false
  #open = true

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Whether another delivery may be pushed. */
  get open(): boolean {
    return !this.#closed && this.#waitingBytes < WAITING_BYTES_MAX && this.#options.credit.ready
  }

  /** Takes one delivery; only while `open`. */
  push(delivery: RawDelivery): void {
    this.#options.credit.spend(delivery.event.length)
    this.#frame.push(delivery)
    this.#frameBytes += delivery.event.length
    if (this.#frame.length >= FRAME_EVENTS_MAX || this.#frameBytes >= FRAME_BYTES_MAX) this.#flush()
    else if (!this.#scheduled) {
      this.#scheduled = true
      queueMicrotask(() => {
        this.#scheduled = false
        this.#flush()
      })
    }
    this.#steer()
  }

  /** The client grants more. @throws MeshError 'invalid_argument'. */
  grant(grant: Grant): void {
    this.#options.credit.grant(grant)
    this.#steer()
  }

  /** Sends what was pushed, then takes no more. */
  close(): void {
    if (this.#closed) return
    this.#flush()
    this.#closed = true
    this.#steer()
  }

  #flush(): void {
    const { length } = this.#frame
    if (length === 0 || this.#closed) return
    const bytes = this.#frameBytes
    const frame = encodeDeliveries(this.#frame)
    this.#frame = []
    this.#frameBytes = 0
    this.#waitingBytes += frame.length
    this.#options.write(frame, () => {
      this.#waitingBytes -= frame.length
      this.#steer()
    })
    this.#options.onSent(length, bytes)
  }

  #steer(): void {
    const { open } = this
    if (open === this.#open) return
    this.#open = open
    this.#options.onFlow(open)
  }
}
