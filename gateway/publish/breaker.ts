import { MeshError } from '@landbridge/core'
import type { StoreResult } from '@landbridge/nats'
import CircuitBreaker from 'opossum'
import type { Log, Metrics } from '../telemetry/index.ts'

type Results = readonly StoreResult[]
type Action = () => Promise<Results>

/** How a breaker behaves. */
export type BreakerOptions = {
  /** Share of failed attempts of the last 10 s, in percent, above which it opens. */
  readonly errorPercent: number
  /** Attempts within 10 s below which it never opens. */
  readonly attemptsMin: number
  /** How long it stays open before one attempt may probe. */
  readonly openMs: number
}

/** Opens after a few failures, because each costs its caller the whole time limit; probes every 2 s. */
export const BREAKER_DEFAULTS: BreakerOptions = { errorPercent: 50, attemptsMin: 4, openMs: 2000 }

/** Carries the results of an attempt that counts as failed through opossum. */
class FailedAttempt extends Error {
  readonly results: Results

  constructor(results: Results) {
    super('attempt failed')
    this.results = results
  }
}

/**
 * A breaker in front of one topic's stream in the region's JetStream: while storing fails anyway, callers hear so at
 * once and may go elsewhere, instead of each waiting for a timeout. Guarantees:
 * 1. Only what says "the store is not there" counts as a failure: unavailable and deadline_exceeded with nothing of the
 *    attempt stored. Bad input, duplicates and overload do not.
 * 2. While open, nothing is sent (never ambiguous); after `openMs` one attempt probes and decides.
 * 3. `run` calls the action before it returns when it is not open, so the order of calls is kept.
 */
export class StoreBreaker {
  readonly #breaker: CircuitBreaker<[Action], Results>
  readonly #openMs: number
  readonly #metrics: Metrics
  #openedAtMs = 0
  /** Whether it counts as open in the metrics. */
  #shownOpen = false

  constructor(name: string, options: BreakerOptions, { log, metrics }: { log: Log; metrics: Metrics }) {
    this.#openMs = options.openMs
    this.#metrics = metrics
    this.#breaker = new CircuitBreaker<[Action], Results>(attempt, {
      name,
      // The writer has its own time limit, and knows what is ambiguous after it.
      timeout: false,
      errorThresholdPercentage: options.errorPercent,
      volumeThreshold: options.attemptsMin,
      resetTimeout: options.openMs,
      rollingCountTimeout: 10_000,
      rollingCountBuckets: 10,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    })
    this.#breaker.on('open', () => {
      this.#openedAtMs = performance.now()
      this.#show(true)
      log.warn({ topic: name }, 'store breaker opened')
    })
    this.#breaker.on('halfOpen', () => {
      this.#show(false)
      log.info({ topic: name }, 'store breaker probes')
    })
    this.#breaker.on('close', () => log.info({ topic: name }, 'store breaker closed'))
  }

  /** Whether calls are refused now. */
  get open(): boolean {
    return this.#breaker.opened
  }

  /** Runs the action; rejects with MeshError 'unavailable' (not ambiguous) while open. */
  async run(action: Action): Promise<Results> {
    try {
      return await this.#breaker.fire(action)
    } catch (error) {
      if (error instanceof FailedAttempt) return error.results
      if (CircuitBreaker.isOurError(error as Error)) {
        throw new MeshError('unavailable', "store: the region's store does not answer, try again or another region", {
          retryAfterMs: this.#retryAfterMs(),
        })
      }
      throw error
    }
  }

  /** Ends its timers. Idempotent. */
  close(): void {
    this.#breaker.shutdown()
    this.#show(false)
  }

  #show(open: boolean): void {
    if (open === this.#shownOpen) return
    this.#shownOpen = open
    if (open) this.#metrics.breakerOpen.inc()
    else this.#metrics.breakerOpen.dec()
  }

  #retryAfterMs(): number {
    const rest = this.#openMs - (performance.now() - this.#openedAtMs)
    return Math.max(100, Math.ceil(rest))
  }
}

async function attempt(action: Action): Promise<Results> {
  const results = await action()
  if (results.length > 0 && !results.some(isAnswer) && results.some(isAbsence)) throw new FailedAttempt(results)
  return results
}

function isAnswer(result: StoreResult): boolean {
  return result.kind !== 'failed'
}

function isAbsence(result: StoreResult): boolean {
  return result.kind === 'failed' && (result.error.code === 'unavailable' || result.error.code === 'deadline_exceeded')
}
