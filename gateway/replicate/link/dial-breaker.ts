import CircuitBreaker from 'opossum'
import { Backoff } from '../backoff.ts'

/** Failures in a row, about: of the attempts of the last 10 s, with at least so many, more than half. */
const FAILURES_TO_OPEN = 5
/** One probe at a time while open: a healed link carries events within 2 s. */
const PROBE = { minMs: 500, spreadMs: 500 } as const
/** Between attempts while closed. */
const RETRY = { minMs: 50, maxMs: 1_000 } as const

/**
 * Dials a peer for ever, and not too often: quickly again after a first failure, and once a breaker is open only its
 * half-open probes, one in 0.5 to 1 s.
 */
export class DialBreaker {
  readonly #breaker: CircuitBreaker<[], void>
  readonly #dial: () => void
  readonly #backoff: Backoff
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #settle: { resolve(): void; reject(error: Error): void } | undefined

  /** @param dial begins one attempt; `up` or `down` ends it */
  constructor(options: { readonly name: string; readonly random: () => number; dial(): void }) {
    const { name, random, dial } = options
    this.#dial = dial
    this.#backoff = new Backoff(RETRY, random)
    this.#breaker = new CircuitBreaker<[], void>(() => this.#attempt(), {
      name,
      // A stream that hears nothing ends by itself.
      timeout: false,
      errorThresholdPercentage: 50,
      volumeThreshold: FAILURES_TO_OPEN,
      resetTimeout: PROBE.minMs + random() * PROBE.spreadMs,
      rollingCountTimeout: 10_000,
      rollingCountBuckets: 10,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    })
    this.#breaker.on('halfOpen', () => this.#fire())
  }

  /** True while only probes dial. */
  get open(): boolean {
    return this.#breaker.opened || this.#breaker.halfOpen
  }

  /** The first attempt. Once. */
  start(): void {
    this.#fire()
  }

  /** The attempt succeeded. */
  up(): void {
    this.#settle?.resolve()
    this.#settle = undefined
  }

  /** The attempt failed, or what it had made is gone: another one follows. */
  down(reason: string): void {
    if (this.#settle === undefined) {
      this.#again()
      return
    }
    this.#settle.reject(new Error(reason))
    this.#settle = undefined
  }

  /** What was up stood for long: the next attempts begin with the shortest wait. */
  steady(): void {
    this.#backoff.reset()
  }

  /** Ends its timers. Idempotent. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#breaker.shutdown()
  }

  #fire(): void {
    if (this.#closed) return
    this.#breaker.fire().catch(() => {
      // Open: its probe is the next attempt.
      if (!this.#breaker.opened) this.#again()
    })
  }

  #attempt(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#dial()
    })
  }

  #again(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#fire(), this.#backoff.next())
  }
}
