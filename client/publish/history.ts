import { arrivesInTime, type MeshError, RETRY_AGE_MAX_MS } from '@landbridge/core'
import type { Retry } from '@landbridge/proto'
import type { Link } from '../transport/link.ts'

/** One attempt. The region is what was known when it began: what is learnt later says nothing about where it went. */
type Attempt = {
  readonly at: number
  readonly sentMs: number
  readonly link: Link
  readonly region: string | undefined
}

/**
 * The attempts that may have stored a set of events, one after the other (RULES.md 4). Attempts that certainly stored
 * nothing do not count: `note` only those that are ambiguous.
 */
export class AttemptHistory {
  #current: Attempt | undefined
  #first: Attempt | undefined
  #elsewhere = false

  /** When the last attempt began, by `performance.now()`. */
  get begunAt(): number {
    return this.#current?.at ?? 0
  }

  /** When the last attempt began, ms since 1970 by the clock of its region as far as it was known then. */
  get sentMs(): number {
    return this.#current?.sentMs ?? 0
  }

  /**
   * True when a gateway refused the last attempt because of when it was sent: it was late, or the time was wrong. Then
   * nothing was tried, and the time is known now.
   */
  wasLate(error: MeshError): boolean {
    if (this.#current === undefined || error.ambiguous) return false
    const { sentMs, link } = this.#current
    const turnedAway = error.code === 'unavailable' && error.retryAfterMs !== undefined
    return turnedAway && !arrivesInTime(sentMs, link.clock.now())
  }

  /** An attempt begins. Returns what it must tell of those before; undefined when there was none. */
  begin(link: Link): Retry | undefined {
    const retry = this.#retry()
    this.#current = { at: performance.now(), sentMs: link.clock.now(), link, region: link.region }
    return retry
  }

  /** The attempt that began last may have stored any of the events. */
  note(): void {
    if (this.#current === undefined) return
    if (this.#first === undefined) this.#first = this.#current
    else if (!sameRegion(this.#first, this.#current)) this.#elsewhere = true
  }

  #retry(): Retry | undefined {
    if (this.#first === undefined) return undefined
    const ageMs = Math.min(Math.ceil(performance.now() - this.#first.at), RETRY_AGE_MAX_MS)
    return {
      $typeName: 'landbridge.v1.Retry',
      age: {
        $typeName: 'google.protobuf.Duration',
        seconds: BigInt(Math.floor(ageMs / 1_000)),
        nanos: (ageMs % 1_000) * 1_000_000,
      },
      // Unknown: the region that gets this marks the events.
      region: this.#first.region ?? '',
      elsewhere: this.#elsewhere,
    }
  }
}

/** True when both certainly went to one region. */
function sameRegion(a: Attempt, b: Attempt): boolean {
  return a.region === undefined || b.region === undefined ? a.link === b.link : a.region === b.region
}
