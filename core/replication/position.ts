/**
 * One act of storing in an origin's stream. Two logs that share a position share
 * everything before it (RULES.md, "Stamp"): message ids and event times do not
 * say this, because a resent event can land on the same sequence above a
 * different past.
 */
export type Position = {
  /** Sequence in the origin's stream, a safe integer; 0 stands for "before the first". */
  readonly sequence: number
  /** The server's stored time there, nanoseconds since 1970. */
  readonly stamp: bigint
}

/** Before the first record of an origin. */
export const START: Position = Object.freeze({ sequence: 0, stamp: 0n })

/** True when both name the same act of storing. */
export function samePosition(left: Position, right: Position): boolean {
  return left.sequence === right.sequence && left.stamp === right.stamp
}

/**
 * The receiver's half of rule 2: a record is taken only when the record before
 * it is the one that the receiver has. Without it a copy that a relay skipped
 * would be a hole that nobody notices, and its event would never arrive.
 */
export function continuesFrom(position: Position, prev: Position): boolean {
  return samePosition(position, prev)
}

/** A record of an origin as it lies in a stream of this region. */
export type LocalRecord = {
  /** Where it is in its origin's stream (from its headers); of a control record, the record that it names. */
  readonly position: Position
  /** Set for a control record (see `ControlRecord`): the origin's log goes on from `position`, but not before what it asks for is done. */
  readonly control?: 'branch' | 'open' | 'gap' | undefined
  /** With a branch or an open record: see `CommonRecord`; default 0. */
  readonly behind?: number | undefined
  /** Its sequence in the local stream. */
  readonly localSequence: number
  /** Its stored time in the local stream, nanoseconds since 1970. */
  readonly localStamp: bigint
}
