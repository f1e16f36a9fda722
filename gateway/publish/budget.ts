import { MeshError } from '@landbridge/core'
import type { Metrics } from '../telemetry/index.ts'

type Waiter = { readonly bytes: number; readonly events: number; readonly resolve: () => void }

/**
 * Bounds events and bytes that are being stored, over all callers of the process. Guarantees:
 * 1. What was taken never exceeds the bounds, except that one request larger than a bound may go alone.
 * 2. What is given back goes to waiters first, in the order in which they came.
 */
export class Budget {
  readonly #bytesMax: number
  readonly #eventsMax: number
  readonly #metrics: Metrics
  #bytes = 0
  #events = 0
  readonly #waiters = new Set<Waiter>()

  constructor(bounds: { readonly publishBytesMax: number; readonly publishEventsMax: number }, metrics: Metrics) {
    this.#bytesMax = bounds.publishBytesMax
    this.#eventsMax = bounds.publishEventsMax
    this.#metrics = metrics
  }

  /** Takes, if there is room. */
  tryTake(bytes: number, events: number): boolean {
    const fits = this.#bytes + bytes <= this.#bytesMax && this.#events + events <= this.#eventsMax
    if (!fits && this.#events > 0) return false
    this.#add(bytes, events)
    return true
  }

  /** Takes. @throws MeshError 'resource_exhausted' with a retry delay when there is no room. */
  take(bytes: number, events: number): void {
    if (this.tryTake(bytes, events)) return
    this.#metrics.refusals.inc({ reason: 'overload' })
    throw new MeshError('resource_exhausted', 'publish: the gateway is storing as much as it can, try again', {
      retryAfterMs: 50 + Math.ceil(Math.random() * 100),
    })
  }

  /**
   * Takes as soon as there is room. Rejects, and takes nothing, when the signal aborts before.
   * The number of waiters is that of open streams, which is bounded elsewhere.
   */
  takeWhenRoom(bytes: number, events: number, signal: AbortSignal): Promise<void> {
    if (this.#waiters.size === 0 && this.tryTake(bytes, events)) return Promise.resolve()
    if (signal.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { bytes, events, resolve }
    const abort = () => {
      if (this.#waiters.delete(waiter)) reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#waiters.add(waiter)
    return promise.finally(() => signal.removeEventListener('abort', abort))
  }

  /** Gives back what was taken. */
  giveBack(bytes: number, events: number): void {
    this.#add(-bytes, -events)
    for (const waiter of this.#waiters) {
      if (!this.tryTake(waiter.bytes, waiter.events)) break
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #add(bytes: number, events: number): void {
    this.#bytes += bytes
    this.#events += events
    this.#metrics.inFlightBytes.set(this.#bytes)
    this.#metrics.inFlightEvents.set(this.#events)
  }
}
