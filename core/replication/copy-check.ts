import type { RetryMark } from '../event/retry-mark.ts'
import type { CopyCheckContext } from './mark.ts'
import { type LocalRecord, type Position, samePosition } from './position.ts'

/**
 * How to find out whether an event is in the local stream already (rule 5).
 *
 * - "ids": ask the set of marked ids.
 * - "ids-and-window": ask the set; the server's own memory of message ids answers the rest as the event is stored.
 * - a span: ask the set, and look for the event's id among the records of the local stream that were *recorded* within
 *   the span (milliseconds since 1970). A copy that came by replication was stored here later than it was recorded:
 *   begin reading at `scanFromMs` of stored time and read to the end of the stream.
 */
export type CopyCheck = 'ids' | 'ids-and-window' | { readonly scanFromMs: number; readonly scanUntilMs: number }

/**
 * Rule 5, for the applier before it sends and for the publisher before it stores
 * a marked event.
 *
 * An unmarked event can only have a marked copy, so the set of marked ids is
 * enough. A marked one can have an unmarked copy that was recorded at `sinceMs`
 * or later, so it was stored here at `sinceMs` or later, too: while that is
 * safely inside the duplicate window when our message arrives (at most one batch
 * life from now), the server recognises the id itself. After that the stream is
 * read.
 *
 * Without it: both orders of "original long after copy" and "copy long after
 * original" store X twice once the window has passed.
 *
 * (5b) The set of marked ids must have seen at least the record that the
 * position was read from, or it may answer from before the copy.
 */
export function copyCheckOf(mark: RetryMark | undefined, here: CopyCheckContext): CopyCheck {
  if (mark === undefined) return 'ids'
  const arrivesBeforeMs = here.nowMs + here.batchLifeMs + here.skewMs
  if (arrivesBeforeMs < mark.sinceMs + here.duplicateWindowMs) return 'ids-and-window'
  return { scanFromMs: mark.sinceMs, scanUntilMs: mark.untilMs }
}

/** An event that was stored by an unmarked attempt. */
export type UnmarkedEvent = {
  readonly origin: string
  /** When its origin stored it, ms since 1970. */
  readonly storedMs: number
}

/**
 * Whether an event with this mark can be a copy of an unmarked event.
 * Every unmarked attempt of the same event went to the region that the mark names (any, when it names none), and lies
 * within the span of the mark (rule 4). So a bounded set of marked ids may forget by this; of what it forgot and may
 * not, the stream is asked. A marked event needs no set: within the duplicate window the server knows its copies, and
 * behind that they are looked for in the stream.
 */
export function mayBeCopyOf(event: UnmarkedEvent, mark: Pick<RetryMark, 'region' | 'untilMs'>): boolean {
  return (mark.region === '' || mark.region === event.origin) && event.storedMs <= mark.untilMs
}

/**
 * Rule 3b: after a batch the origin's last record in the local stream must be
 * the message that this run sent last. If it is not, another applier is at work
 * or the server skipped the tail: the run ends and binds neither a fence nor a
 * checkpoint to a record that it knows nothing of. Without it: two appliers
 * interleave, each takes the other's record for its own, and a record between
 * them is never asked for again.
 */
export function afterBatch(sent: Position, last: LocalRecord | undefined): 'go-on' | 'end-run' {
  const isMine = last !== undefined && last.control === undefined && samePosition(sent, last.position)
  return isMine ? 'go-on' : 'end-run'
}
