import type { RetryMark } from '../event/retry-mark.ts'

/** How long a batch, or a single message in flight, can still be stored after it was opened: the server ends an idle batch then. Milliseconds. */
export const BATCH_LIFE_MS = 10_000

/** How far the clocks of two machines of the mesh are assumed to be apart at most, unless configured. Milliseconds. */
export const CLOCK_SKEW_MS = 5_000

/** What a publisher says of earlier attempts to publish the same event. */
export type PublishAttempt = {
  /** Time since the first attempt began, by the publisher's monotonic clock. Milliseconds. */
  readonly ageMs: number
  /** Region of the first attempt; empty when unknown. */
  readonly region: string
  /** True when an earlier attempt was marked, or should have been: it went elsewhere or was late. */
  readonly elsewhere: boolean
  /**
   * Handed on by the gateway of another region. Its publisher does not know, and may go on with unmarked attempts there
   * for as long as that region remembers ids.
   */
  readonly forwarded?: boolean
}

/** Where and when an event is about to be stored. Times in milliseconds, `nowMs` since 1970. */
export type MarkingContext = CopyCheckContext & {
  /** The region that is about to store it. */
  readonly region: string
}

/** When an event is about to be stored. Times in milliseconds, `nowMs` since 1970. */
export type CopyCheckContext = {
  readonly nowMs: number
  /** The topic's duplicate window. */
  readonly duplicateWindowMs: number
  /** Default `BATCH_LIFE_MS` at every caller; a parameter so that a simulator can shrink it. */
  readonly batchLifeMs: number
  /** How far two clocks of the mesh may be apart. */
  readonly skewMs: number
}

/**
 * Rule 4: whether an attempt to publish must be marked, and the span of time in
 * which the other attempts can have been stored.
 *
 * Unmarked are the first attempt, and a retry in the same region while the
 * server there certainly still remembers the id when this attempt arrives (one
 * batch life in flight, one in hand). Every other attempt is marked, and once
 * marked always marked. Skew widens the span at both ends. The span of a
 * forwarded attempt ends no sooner than the last unmarked attempt of its
 * publisher can have been stored, which is less than a window and a batch life
 * after the first.
 *
 * Without it: A stores X, the ack is lost, the outage outlives the window, X is
 * sent again: twice in A, with no replication involved.
 */
export function markOf(attempt: PublishAttempt | undefined, here: MarkingContext): RetryMark | undefined {
  if (attempt === undefined) return undefined
  // An age that is no number could be any age.
  const ageMs = Number.isNaN(attempt.ageMs) ? Number.POSITIVE_INFINITY : Math.max(0, attempt.ageMs)
  const rememberedHere =
    attempt.region === here.region && !attempt.elsewhere && ageMs + 2 * here.batchLifeMs < here.duplicateWindowMs
  if (rememberedHere && attempt.forwarded !== true) return undefined
  return {
    region: attempt.region,
    sinceMs: Math.max(0, Math.floor(here.nowMs - ageMs - here.skewMs)),
    untilMs: markEndMs({ ...attempt, ageMs }, here),
  }
}

/** When the span of a mark ends that is made now, milliseconds since 1970. */
export function markEndMs(
  { ageMs, forwarded }: Pick<PublishAttempt, 'ageMs' | 'forwarded'>,
  { nowMs, duplicateWindowMs, batchLifeMs, skewMs }: CopyCheckContext,
): number {
  const lastUnmarkedMs = forwarded === true ? nowMs - ageMs + duplicateWindowMs : nowMs
  return Math.ceil(Math.max(nowMs, lastUnmarkedMs) + batchLifeMs + skewMs)
}
