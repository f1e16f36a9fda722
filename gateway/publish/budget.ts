import { MeshError } from '@landbridge/core'
import type { Metrics } from '../telemetry/index.ts'

type Waiter = { readonly bytes: number; readonly events: number; readonly resolve: () => void }

/** How long a call waits for room. */
const SOON_MS = 500
/** What calls that wait may hold, as a share of the bytes that are being stored. */
const SOON_SHARE = 1 / 4

/**
 * Bounds events and bytes that are being stored, over all callers of the process. Guarantees:
 * 1. What was taken never exceeds the bounds, except that one request larger than a bound may go alone.
 * 2. Who waits is served in the order of coming, and nobody who comes later goes first: a large request gets its turn.
 * 3. A waiter that leaves does not hold up those behind it.
 */
export class Budget {
  readonly #bytesMax: number
  readonly #eventsMax: number
  readonly #metrics: Metrics | undefined
  #bytes = 0
  #events = 0
  /** Held by calls that wait in `takeSoon`. */
  #soonBytes = 0
  readonly #waiters = new Set<Waiter>()

  /** @param metrics Where what is taken is shown, and what is refused counted. */
  constructor(bounds: { readonly publishBytesMax: number; readonly publishEventsMax: number }, metrics?: Metrics) {
    this.#bytesMax = bounds.publishBytesMax
    this.#eventsMax = bounds.publishEventsMax
    this.#metrics = metrics
  }

  /** Takes, if there is room and nobody waits for it. */
  tryTake(bytes: number, events: number): boolean {
    return this.#waiters.size === 0 && this.#takeIfRoom(bytes, events)
  }

  /**
   * Takes: at once, or after a short wait in line, so that calls get their turn beside streams that always wait.
   * @throws MeshError 'resource_exhausted' with a retry delay when there is no room soon, or the line is long already.
   */
  async takeSoon(bytes: number, events: number): Promise<void> {
    if (this.tryTake(bytes, events)) return
    if (this.#soonBytes + bytes > this.#bytesMax * SOON_SHARE) throw this.#refusal()
    this.#soonBytes += bytes
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(this.#refusal()), SOON_MS)
    try {
      await this.takeWhenRoom(bytes, events, late.signal)
    } finally {
      clearTimeout(timer)
      this.#soonBytes -= bytes
    }
  }

  /**
   * Takes as soon as there is room. Rejects, and takes nothing, when the signal aborts before.
   * The number of waiters is that of open streams, which is bounded elsewhere.
   */
  takeWhenRoom(bytes: number, events: number, signal: AbortSignal): Promise<void> {
    if (this.tryTake(bytes, events)) return Promise.resolve()
    if (signal.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { bytes, events, resolve }
    const abort = () => {
      if (!this.#waiters.delete(waiter)) return
      reject(signal.reason)
      this.#serveWaiters()
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#waiters.add(waiter)
    return promise.finally(() => signal.removeEventListener('abort', abort))
  }

  /** Gives back what was taken. */
  giveBack(bytes: number, events: number): void {
    this.#add(-bytes, -events)
    this.#serveWaiters()
  }

  #refusal(): MeshError {
    this.#metrics?.refusals.inc({ reason: 'overload' })
    return new MeshError('resource_exhausted', 'publish: the gateway is storing as much as it can, try again', {
      retryAfterMs: 50 + Math.ceil(Math.random() * 100),
    })
  }

  #serveWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.#takeIfRoom(waiter.bytes, waiter.events)) break
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #takeIfRoom(bytes: number, events: number): boolean {
    const fits = this.#bytes + bytes <= this.#bytesMax && this.#events + events <= this.#eventsMax
    if (!fits && this.#events > 0) return false
    this.#add(bytes, events)
    return true
  }

  #add(bytes: number, events: number): void {
    this.#bytes += bytes
    this.#events += events
    this.#metrics?.inFlightBytes.set(this.#bytes)
    this.#metrics?.inFlightEvents.set(this.#events)
  }
}
