import { CLOCK_SKEW_MS } from './mark.ts'
import type { Position } from './position.ts'

/** What the origin's stream says about the place that a receiver asks to go on from; all read from the stream's leader. */
export type PlaceFacts = {
  /** Oldest sequence that the stream keeps, whatever its origin; one above `last` when it keeps nothing. */
  readonly first: number
  /** Newest sequence of the stream, whatever its origin; 0 when it never held any. */
  readonly last: number
  /** See `bornMsOf`. */
  readonly bornMs?: number | undefined
  /** The record at the position's sequence; undefined when there is none. */
  readonly found: { readonly stamp: bigint; readonly own: boolean } | undefined
  /**
   * What the origin remembers of its own records: `position` is the last one in all of the stream up to `scanned`.
   * Undefined when nothing is remembered.
   */
  readonly ownTail: { readonly position: Position; readonly scanned: number } | undefined
}

/** The origin's answer to "what follows this position?". */
export type Placement =
  /** It has that very record, so both logs share everything before it. */
  | 'serve'
  /** It has no such record: the logs differ. */
  | 'diverged'
  /** The record is no longer kept and others behind it may be gone, too. */
  | 'retention-gap'

/**
 * Rule 7, the origin's half: places a receiver's position by sequence and stamp.
 *
 * 1. `START` is always served, from the oldest record that is kept: who has
 *    nothing of an origin misses nothing that it could name.
 * 2. Below the retention start nothing can be compared, not even right below it: the log may have lost that record and
 *    have given its number to another one. The position is served all the same when no record of the origin can have
 *    gone with it: it is the origin's last record and the stream was seen to hold no other up to there (a quiet origin
 *    in a busy topic: without this its receivers would be refused for nothing).
 *    Only a position from before the stream began is known to be of another log.
 * 3. Anything else that is not there by sequence and stamp is a divergence.
 */
export function placePosition(position: Position, facts: PlaceFacts): Placement {
  if (position.sequence === 0) return 'serve'
  if (position.sequence >= facts.first || position.sequence > facts.last) {
    return facts.found?.own === true && facts.found.stamp === position.stamp ? 'serve' : 'diverged'
  }
  if (isBefore(position, facts.bornMs)) return 'diverged'
  const { ownTail } = facts
  const nothingLost =
    ownTail !== undefined &&
    ownTail.position.sequence === position.sequence &&
    ownTail.position.stamp === position.stamp &&
    ownTail.scanned >= facts.first - 1
  return nothingLost ? 'serve' : 'retention-gap'
}

/**
 * Since when a stream stores records, milliseconds since 1970: since it was made, unless it keeps older ones (it was
 * restored into a new stream): then nobody knows, and this is undefined.
 * @param firstMs When the oldest record that it keeps was stored; undefined for none.
 */
export function bornMsOf(createdMs: number, firstMs: number | undefined): number | undefined {
  return firstMs !== undefined && firstMs < createdMs - CLOCK_SKEW_MS ? undefined : createdMs
}

/** Whether a record is certainly older than the stream: it was in one that was there before, and deleted. */
export function isBefore(position: Position, bornMs: number | undefined): boolean {
  return bornMs !== undefined && Number(position.stamp / 1_000_000n) < bornMs - CLOCK_SKEW_MS
}
