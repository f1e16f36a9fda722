import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { Position } from '@landbridge/core'
import type { PullHead } from '@landbridge/proto'

/** Lag as one pull knows it. */
export type LagReading = {
  readonly events: number
  readonly seconds: number
  readonly appliedSequence: number
  readonly headSequence: number
  /** The upstream does not hear the origin itself: the origin may be further. */
  readonly stale: boolean
  /** Every record that the origin stored up to then, ms since 1970 by its clock, is applied; undefined when not known. */
  readonly watermarkMs: number | undefined
}

/** What an upstream says of the origin. */
export type HeadReport = {
  readonly head: Position
  /** Records that it has not sent yet. */
  readonly unsent: number
  /** It repeats what it last heard. */
  readonly stale: boolean
  /** When the origin's stream had this head, ms since 1970 by its own clock; undefined when it does not say. */
  readonly timeMs: number | undefined
}

/**
 * An upstream that says nothing new of the origin for so long does not hear it, whatever it says. It would tell the time
 * of an idle stream every 10 s; of relays in a circle each repeats what another one said.
 */
const NEWS_MS = 25_000

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
 * - watermark = the time of the newest report whose head is applied, or the stored time of the last record applied,
 *   whichever is later: an origin stores in the order of its clock. It never goes back.
 */
export class LagMeter {
  #applied: Position
  #head: Position
  #report: HeadReport | undefined
  #received = 0
  #appliedCount = 0
  /** Unsent at the last report, and how many had been received then. */
  #unsent = 0
  #receivedAtReport = 0
  #behindSinceMs: number | undefined
  #stale = false
  /** When something new of the origin was told: records, a later time, a later end. */
  #newsMs = Number.NEGATIVE_INFINITY
  #timeMs = Number.NEGATIVE_INFINITY
  /** The newest report with a time, until its head is applied. */
  #timed: { readonly sequence: number; readonly timeMs: number } | undefined
  #watermarkMs: number | undefined

  constructor(position: Position) {
    this.#applied = position
    this.#head = position
    this.#mark(position)
  }

  /** The origin's end as the upstream last told it; undefined before that. */
  report(nowMs: number): HeadReport | undefined {
    return this.#report === undefined ? undefined : { ...this.#report, stale: this.#isStale(nowMs) }
  }

  /** Records that came, that were applied, and that the upstream has not sent. */
  get counts(): { readonly received: number; readonly applied: number; readonly unsent: number } {
    return { received: this.#received, applied: this.#appliedCount, unsent: this.#unsentNow() }
  }

  /** The upstream said where the origin's end is, and how many records it has not sent. */
  onHead(report: HeadReport, nowMs: number): void {
    const { head, unsent, stale, timeMs } = report
    const isLater = head.sequence > this.#head.sequence || (timeMs ?? 0) > this.#timeMs
    if (this.#report === undefined || isLater || this.#received > this.#receivedAtReport) this.#newsMs = nowMs
    this.#timeMs = Math.max(timeMs ?? 0, this.#timeMs)
    this.#report = report
    this.#head = head
    this.#unsent = unsent
    this.#stale = stale
    this.#receivedAtReport = this.#received
    this.#behindSinceMs = unsent === 0 ? undefined : (this.#behindSinceMs ?? nowMs)
    if (timeMs === undefined) return
    // Without anything unsent, all that is up to the head is what came, whatever the head's number.
    const sequence = unsent === 0 && this.#received === this.#appliedCount ? this.#applied.sequence : head.sequence
    this.#timed = { sequence, timeMs }
    this.#mark(this.#applied)
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
    this.#mark(position)
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
      stale: this.#isStale(nowMs),
      watermarkMs: this.#watermarkMs,
    }
  }

  #isStale(nowMs: number): boolean {
    return this.#stale || (this.#report !== undefined && nowMs - this.#newsMs > NEWS_MS)
  }

  #mark({ sequence, stamp }: Position): void {
    if (stamp > 0n) this.#raise(Number(stamp / 1_000_000n))
    if (this.#timed === undefined || sequence < this.#timed.sequence) return
    this.#raise(this.#timed.timeMs)
    this.#timed = undefined
  }

  #raise(timeMs: number): void {
    this.#watermarkMs = Math.max(timeMs, this.#watermarkMs ?? timeMs)
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

/** What a message of an upstream says of the origin. */
export function reportOf({ head, pending, stale, time }: PullHead): HeadReport {
  return {
    head: { sequence: Number(head?.sequence ?? 0n), stamp: head?.stamp ?? 0n },
    unsent: Number(pending),
    stale,
    timeMs: time === undefined ? undefined : timestampMs(time),
  }
}

/** A reading of a run after one of an earlier run: the watermark does not go back, unless what was applied did. */
export function carriedOver(before: LagReading, reading: LagReading): LagReading {
  const { watermarkMs } = before
  if (watermarkMs === undefined || reading.appliedSequence < before.appliedSequence) return reading
  return { ...reading, watermarkMs: Math.max(watermarkMs, reading.watermarkMs ?? watermarkMs) }
}
