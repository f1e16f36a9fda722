import type { Position } from '@landbridge/core'

/** Lag as one pull knows it. */
export type LagReading = {
  readonly events: number
  readonly seconds: number
  readonly appliedSequence: number
  readonly headSequence: number
}

/**
 * How far a pull is behind its origin, from what the origin said and what came since.
 *
 * - events = records received and not yet applied, plus what the origin's last head report counted as unsent, less what
 *   was received since that report (never below 0). Until the first record the origin counts sequences instead of
 *   records, which is never too few.
 * - seconds = age of the oldest record received and not yet applied, by the origin's clock (as its heartbeats tell it):
 *   now there - stored time there. When nothing is waiting here but the origin holds more, the time since we learned
 *   of that: records that are only on their way are younger than that, and what a long outage left shows its true age
 *   with the first record that arrives.
 * - both 0 when every record the origin reported is applied.
 */
export class LagMeter {
  #applied: Position
  #head: Position
  #received = 0
  #appliedCount = 0
  /** Unsent at the last report, and how many had been received then. */
  #unsent = 0
  #receivedAtReport = 0
  #behindSinceMs: number | undefined

  constructor(position: Position) {
    this.#applied = position
    this.#head = position
  }

  /** The origin said where its end is, and how many records it has not sent. */
  onHead(head: Position, unsent: number, nowMs: number): void {
    this.#head = head
    this.#unsent = unsent
    this.#receivedAtReport = this.#received
    this.#behindSinceMs = unsent === 0 ? undefined : (this.#behindSinceMs ?? nowMs)
  }

  /** Records came; `last` is the newest of them. */
  onReceived(count: number, last: Position): void {
    this.#received += count
    if (last.sequence > this.#head.sequence) this.#head = last
    if (this.#unsentNow() === 0) this.#behindSinceMs = undefined
  }

  /** Records were stored or found to be here. */
  onApplied(count: number, position: Position): void {
    this.#appliedCount += count
    this.#applied = position
  }

  /**
   * @param oldestStamp Stored time of the oldest record that waits here, ns since 1970 by the origin's clock.
   * @param originNowMs What the origin's clock says now.
   */
  read(oldestStamp: bigint | undefined, originNowMs: number, nowMs: number): LagReading {
    const waiting = this.#received - this.#appliedCount
    const unsent = this.#unsentNow()
    return {
      events: waiting + unsent,
      seconds: Math.max(0, this.#ageMs(waiting, unsent, oldestStamp, originNowMs, nowMs)) / 1_000,
      appliedSequence: this.#applied.sequence,
      headSequence: this.#head.sequence,
    }
  }

  #ageMs(waiting: number, unsent: number, oldest: bigint | undefined, originNowMs: number, nowMs: number): number {
    if (waiting > 0 && oldest !== undefined) return originNowMs - Number(oldest / 1_000n) / 1_000
    if (unsent > 0 && this.#behindSinceMs !== undefined) return nowMs - this.#behindSinceMs
    return 0
  }

  #unsentNow(): number {
    return Math.max(0, this.#unsent - (this.#received - this.#receivedAtReport))
  }
}
