import type { RawDelivery } from './frames.ts'

/** How often it looks for deliveries whose wait is over, milliseconds. */
const TICK_MS = 250

type Held = { readonly delivery: RawDelivery; readonly endsAt: number }

/**
 * The deliveries of a group that one stream brought and that are not settled. Each is released once: when it is settled,
 * or when its wait is over, because the group gives it to somebody else then. Bounded by the credit of the stream.
 */
export class Unsettled implements Disposable {
  readonly #waitMs: number
  readonly #onReleased: (delivery: RawDelivery) => void
  /** In the order in which their waits end. */
  readonly #held = new Map<number, Held>()
  readonly #timer: NodeJS.Timeout

  constructor(waitMs: number, onReleased: (delivery: RawDelivery) => void) {
    this.#waitMs = waitMs
    this.#onReleased = onReleased
    this.#timer = setInterval(() => this.#expire(), TICK_MS)
    this.#timer.unref()
  }

  add(delivery: RawDelivery): void {
    this.#held.set(delivery.deliveryId, { delivery, endsAt: performance.now() + this.#waitMs })
  }

  /** Its wait begins again. */
  extend(deliveryId: number): void {
    const held = this.#held.get(deliveryId)
    if (held === undefined) return
    this.#held.delete(deliveryId)
    this.add(held.delivery)
  }

  /** It has an outcome. */
  release(deliveryId: number): void {
    const held = this.#held.get(deliveryId)
    if (held === undefined) return
    this.#held.delete(deliveryId)
    this.#onReleased(held.delivery)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#held.clear()
  }

  #expire(): void {
    const now = performance.now()
    for (const [deliveryId, { endsAt }] of this.#held) {
      if (endsAt > now) return
      this.release(deliveryId)
    }
  }
}
