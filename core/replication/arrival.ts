import { BATCH_LIFE_MS, CLOCK_SKEW_MS, type PublishAttempt } from './mark.ts'

/** How long an attempt to publish may travel until a gateway hands its events to the writer. Milliseconds. */
export const ATTEMPT_AGE_MAX_MS = BATCH_LIFE_MS

/**
 * Rule 4, its other half: whether an attempt that was sent at `sentMs` may still be stored at `nowMs`. Both are
 * milliseconds since 1970 by the region's clock: the sender's idea of it, and the gateway's. Undefined: the sender
 * does not say, so nothing can be concluded.
 *
 * A gateway can be paused, and a network can hold an attempt back, for any time. Its sender gives up meanwhile, sends
 * the events again, and the servers forget their ids: stored then, unmarked as it is, the attempt shows them twice.
 * So it must be dead by then. With the life of a batch L (10 s), the largest skew of two clocks S (5 s), the smallest
 * duplicate window W (30 s) and the first attempt sent at 0:
 *
 * 1. Any attempt is handed to the writer within L + S after it was sent, or never, and is stored within L from there.
 *    So the first is stored in [0, 2L + S], and 2L + S = 25 s < W.
 * 2. An unmarked retry is handed over before W - 2L (see `markOf`; its travel counts, and is known up to S), and is
 *    stored in [0, W - L + S], and W - L + S < W.
 * 3. So of two unmarked attempts the later finds its id remembered; and so does an unmarked attempt behind a marked
 *    copy, which cannot have come before 0.
 * 4. A marked copy behind an unmarked attempt, however late, finds it by the copy check: the attempt is recorded at most
 *    L after it was sent, and the mark was made after that and ends L + S later, by a clock that is at most S behind.
 *
 * A time to come beyond the skew is refused, too: it would make the attempt live longer.
 */
export function arrivesInTime(sentMs: number | undefined, nowMs: number): boolean {
  if (sentMs === undefined) return true
  const travelMs = nowMs - sentMs
  return travelMs <= ATTEMPT_AGE_MAX_MS && travelMs >= -CLOCK_SKEW_MS
}

/** What a publisher says of earlier attempts, as of its arrival: it has become older on its way. */
export function onArrival(attempt: PublishAttempt, sentMs: number | undefined, nowMs: number): PublishAttempt {
  if (sentMs === undefined || sentMs >= nowMs) return attempt
  return { ...attempt, ageMs: attempt.ageMs + nowMs - sentMs }
}
