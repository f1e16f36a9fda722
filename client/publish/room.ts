import { MeshError } from '@landbridge/core'

type Waiter = {
  readonly events: number
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Callers that may wait for room at once. */
const WAITERS_MAX = 10_000

/**
 * Bounds what waits in a queue.
 *
 * 1. Never more than the bounds, except that something larger than a bound goes alone.
 * 2. Who waits gets room in the order of the calls, and nobody overtakes.
 */
export class Room {
  readonly #eventsMax: number
  readonly #bytesMax: number
  readonly #waiters = new Set<Waiter>()
  #events = 0
  #bytes = 0
  #closed: MeshError | undefined

  constructor(bounds: { readonly queueEvents: number; readonly queueBytes: number }) {
    this.#eventsMax = bounds.queueEvents
    this.#bytesMax = bounds.queueBytes
  }

  /** Events that have room. */
  get events(): number {
    return this.#events
  }

  /** Takes, if there is room and nobody waits. */
  tryTake(events: number, bytes: number): boolean {
    return this.#waiters.size === 0 && this.#take(events, bytes)
  }

  /** Takes as soon as there is room. @throws MeshError when a signal aborts before, it is closed, or too many wait. */
  async take(events: number, bytes: number, ...signals: (AbortSignal | undefined)[]): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed
    for (const signal of signals) if (signal?.aborted) throw cancelled(signal)
    if (this.#waiters.size >= WAITERS_MAX) {
      throw new MeshError('resource_exhausted', `send: ${WAITERS_MAX} calls wait for room, wanted fewer at once`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { events, bytes, resolve, reject }
    const abort = (event: Event) => {
      if (this.#waiters.delete(waiter)) reject(cancelled(event.target as AbortSignal))
      this.#admit()
    }
    for (const signal of signals) signal?.addEventListener('abort', abort, { once: true })
    this.#waiters.add(waiter)
    try {
      await promise
    } finally {
      for (const signal of signals) signal?.removeEventListener('abort', abort)
    }
  }

  /** Gives back what was taken. */
  giveBack(events: number, bytes: number): void {
    this.#events -= events
    this.#bytes -= bytes
    this.#admit()
  }

  /** Nobody gets room any more. */
  close(error: MeshError): void {
    this.#closed ??= error
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }

  #admit(): void {
    for (const waiter of this.#waiters) {
      if (!this.#take(waiter.events, waiter.bytes)) return
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  #take(events: number, bytes: number): boolean {
    const fits = this.#events + events <= this.#eventsMax && this.#bytes + bytes <= this.#bytesMax
    if (!fits && this.#events > 0) return false
    this.#events += events
    this.#bytes += bytes
    return true
  }
}

function cancelled(signal: AbortSignal): MeshError {
  if (signal.reason instanceof MeshError) return signal.reason
  return new MeshError('cancelled', 'send: cancelled', { cause: signal.reason })
}
