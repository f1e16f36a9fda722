import { RETRY_AGE_MAX_MS } from '@landbridge/core'
import type { Retry } from '@landbridge/proto'
import { type Link, sameRegion } from '../transport/link.ts'

/**
 * The attempts that may have stored a set of events (RULES.md 4). Attempts that certainly stored nothing do not
 * count: tell only of those that are ambiguous.
 */
export class AttemptHistory {
  #first: { readonly at: number; readonly link: Link } | undefined
  #elsewhere = false

  /** An attempt that began at `at` (`performance.now()`) may have stored any of the events. */
  note(link: Link, at: number): void {
    if (this.#first === undefined) this.#first = { at, link }
    else if (!sameRegion(this.#first.link, link)) this.#elsewhere = true
  }

  /** What the next attempt must tell; undefined for the first. */
  retry(): Retry | undefined {
    if (this.#first === undefined) return undefined
    const ageMs = Math.min(Math.ceil(performance.now() - this.#first.at), RETRY_AGE_MAX_MS)
    return {
      $typeName: 'landbridge.v1.Retry',
      age: {
        $typeName: 'google.protobuf.Duration',
        seconds: BigInt(Math.floor(ageMs / 1_000)),
        nanos: (ageMs % 1_000) * 1_000_000,
      },
      region: this.#first.link.region ?? '',
      elsewhere: this.#elsewhere,
    }
  }
}
