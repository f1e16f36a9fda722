/**
 * The span of time in which other attempts to publish an event may have been
 * stored, clock skew included. An event that carries one may have a copy.
 */
export type RetryMark = {
  /** Region of the first attempt; empty when unknown. */
  readonly region: string
  /** Earliest time, milliseconds since 1970. */
  readonly sinceMs: number
  /** Latest time, milliseconds since 1970. */
  readonly untilMs: number
}
