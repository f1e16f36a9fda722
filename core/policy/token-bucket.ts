import type { Quota } from '../documents/index.ts'

/** What may go at once after a rest, as time at the quota's rate. */
const BURST_MS = 1_000

/**
 * How much of a quota is used up. Counts in time: each figure is paid for up to a moment, and what is taken moves that on.
 *
 * 1. After a rest a second's worth may go at once.
 * 2. What is taken is taken as a whole, however large; then nothing more may be taken until it is paid for.
 * 3. Over a long time no more than the quota is taken, and one such whole.
 */
export class TokenBucket {
  #quota: Quota
  /** Paid for up to then, by the caller's clock in ms. */
  #events = Number.NEGATIVE_INFINITY
  #bytes = Number.NEGATIVE_INFINITY

  constructor(quota: Quota) {
    this.#quota = quota
  }

  /** Another rate from now on; what was taken is still paid for by the time that it was to take. */
  setQuota(quota: Quota): void {
    this.#quota = quota
  }

  /** Time until something may be taken, ms; 0: now. */
  waitMs(nowMs: number): number {
    const paidAtMs = Math.max(this.#events, this.#bytes)
    return paidAtMs < nowMs ? 0 : Math.max(1, Math.ceil(paidAtMs - nowMs))
  }

  /** Takes, whether or not there is anything to take. */
  take(events: number, bytes: number, nowMs: number): void {
    const { eventsPerSecond, bytesPerSecond } = this.#quota
    this.#events = paidUntil(this.#events, events, eventsPerSecond, nowMs)
    this.#bytes = paidUntil(this.#bytes, bytes, bytesPerSecond, nowMs)
  }

  /** What may be taken without waiting afterwards; infinite without a limit. */
  room(nowMs: number): { readonly events: number; readonly bytes: number } {
    const { eventsPerSecond, bytesPerSecond } = this.#quota
    return {
      events: roomOf(this.#events, eventsPerSecond, nowMs),
      bytes: roomOf(this.#bytes, bytesPerSecond, nowMs),
    }
  }

  /** True when it is as a new one: then nothing is lost by forgetting it. */
  isFull(nowMs: number): boolean {
    return Math.max(this.#events, this.#bytes) <= nowMs - BURST_MS
  }
}

function paidUntil(beforeMs: number, amount: number, perSecond: number | undefined, nowMs: number): number {
  if (perSecond === undefined) return beforeMs
  return Math.max(beforeMs, nowMs - BURST_MS) + (amount * 1_000) / perSecond
}

function roomOf(paidAtMs: number, perSecond: number | undefined, nowMs: number): number {
  if (perSecond === undefined) return Number.POSITIVE_INFINITY
  return (Math.min(BURST_MS, Math.max(0, nowMs - paidAtMs)) * perSecond) / 1_000
}
