import type { PullDemand } from '@landbridge/nats'
import type { Allowance } from '../auth/index.ts'

/** What a pace needs. */
export type PaceOptions = {
  /** Undefined: no limit. */
  readonly allowance: Allowance | undefined
  /** Called when delivery must stop, or may go on: see `open`. */
  readonly onFlow: () => void
  /** Called whenever it holds delivery back. */
  readonly onWait: () => void
}

/** Not for less: a timer for every single event would cost more than the event. */
const WAIT_MS_MIN = 20

/**
 * Holds the delivery to one subscriber to its quota. Costs nothing without one.
 *
 * 1. Nothing is lost and nothing fails by it: what is too much now is delivered later.
 * 2. Of a group no more is asked for than may be delivered at once: the rest is for the other members.
 */
export class Pace {
  readonly #options: PaceOptions
  #allowance: Allowance | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PaceOptions) {
    this.#options = options
    this.#allowance = options.allowance
    this.#wait()
  }

  /** Whether an event may be delivered. */
  get open(): boolean {
    return this.#timer === undefined
  }

  /** Another quota, or none, from now on. */
  follow(allowance: Allowance | undefined): void {
    if (this.#allowance === allowance && allowance === undefined) return
    this.#allowance = allowance
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#wait()
    this.#options.onFlow()
  }

  /** An event was delivered. */
  delivered(bytes: number): void {
    if (this.#allowance === undefined) return
    this.#allowance.take(1, bytes)
    if (this.#wait()) this.#options.onFlow()
  }

  /** What may be asked for of what there is credit for. */
  demand(credit: PullDemand): PullDemand {
    if (this.#allowance === undefined) return credit
    const { events, bytes } = this.#allowance.room
    return { messages: Math.min(credit.messages, Math.ceil(events)), bytes: Math.min(credit.bytes, Math.ceil(bytes)) }
  }

  /** Ends its timer. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** True when it begins to wait. */
  #wait(): boolean {
    const waitMs = this.#allowance?.waitMs ?? 0
    if (waitMs === 0 || this.#timer !== undefined || this.#closed) return false
    this.#options.onWait()
    this.#timer = setTimeout(() => this.#again(), Math.min(Math.max(waitMs, WAIT_MS_MIN), TIMER_MS_MAX))
    this.#timer.unref()
    return true
  }

  /** Others may have taken meanwhile. */
  #again(): void {
    this.#timer = undefined
    if (!this.#wait()) this.#options.onFlow()
  }
}

const TIMER_MS_MAX = 2 ** 31 - 1
