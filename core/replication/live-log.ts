import { type Position, START, samePosition } from './position.ts'

/**
 * A record of a foreign origin as it lies in this region's stream: an event, or what this region wrote down about the
 * origin (`ControlRecord`).
 */
export type LocalEntry = {
  /** Where it lies in the local stream. */
  readonly localSequence: number
  /** Where it is in its origin's stream; of a control record, the record that it names. */
  readonly position: Position
  /** The origin's record before it; undefined for a control record. */
  readonly prev?: Position | undefined
  /** Set for a control record. */
  readonly control?: 'branch' | 'open' | 'gap' | undefined
}

/** A control record that says where the live log of an origin bends. */
export type BendRecord = {
  readonly kind: 'branch' | 'open' | 'gap'
  /** Its own place in the local stream. */
  readonly localSequence: number
  /** The record that it names. */
  readonly position: Position
  /** Branch and open: the local sequence of that record; 0 when it is not (or no longer) in the local stream. */
  readonly behind: number
}

/** A stretch of the local stream whose events of one origin are live. */
export type LiveSegment = {
  /** It begins behind this local sequence. */
  readonly after: number
  /** It ends with this local sequence; Infinity for the one that still grows. */
  readonly upTo: number
  /** What its first record follows, when an "open" record says so. */
  readonly base: Position
}

/** Where a relay begins to read: entries behind the local sequence `after` follow the record `held`. */
export type RelayPlace = { readonly after: number; readonly held: Position }

/** Asks for the origin's first entry in the local stream at or behind the local sequence `from`. */
export type LocalProbe = { readonly from: number }

/**
 * Rule 7: which records of a foreign origin are live. `controls` are the origin's branch, open and gap records that the
 * local stream keeps, oldest first. Undefined while the last of them that bends the log is a branch: the origin is in
 * repair, and nothing of it is served.
 *
 * Within a segment, and from one segment to the next, the positions of events grow.
 */
export function liveSegments(controls: readonly BendRecord[]): readonly LiveSegment[] | undefined {
  let segments: LiveSegment[] = [{ after: 0, upTo: Number.POSITIVE_INFINITY, base: START }]
  let inRepair = false
  for (const { kind, localSequence, position, behind } of controls) {
    if (kind === 'gap') continue
    inRepair = kind === 'branch'
    if (inRepair) continue
    segments = segments
      .filter(({ after }) => after < behind)
      .map((segment) => (segment.upTo > behind ? { ...segment, upTo: behind } : segment))
    segments.push({ after: localSequence, upTo: Number.POSITIVE_INFINITY, base: position })
  }
  return inRepair ? undefined : segments
}

/** What a relay knows when it looks for a receiver's position. */
export type PlaceQuery = {
  readonly segments: readonly LiveSegment[]
  readonly position: Position
  /** The local sequence of the origin's last entry; 0 when there is none. */
  readonly last: number
  /**
   * How far this region's own pull has applied the origin when the newest records were copies and left nothing behind
   * (its checkpoint); undefined when the last entry says it all.
   */
  readonly applied?: Position | undefined
}

/**
 * Rule 2, the relay's half: looks for a receiver's position among the live records of an origin: as a record, as what a
 * record names before it, as what a control record names, or as the skipped end. Undefined: this region cannot place it
 * (2b). A binary search, because the positions of live events grow: yields what to look up in the local stream, takes
 * the answer, some 20 times in a million records.
 */
export function* placeInLog(query: PlaceQuery): Generator<LocalProbe, RelayPlace | undefined, LocalEntry | undefined> {
  const { segments, position, last, applied } = query
  const [oldest] = segments
  if (oldest === undefined) return undefined
  if (position.sequence === 0) return { after: oldest.after, held: START }
  const opened = segments.findLast(({ base }) => samePosition(base, position))
  if (opened !== undefined) return { after: opened.after, held: position }
  const segment = segments.findLast(({ base }) => base.sequence < position.sequence)
  if (segment === undefined) return undefined
  const entry = yield* firstFrom(position.sequence, segment.after + 1, Math.min(segment.upTo, last))
  if (entry === undefined) {
    const isEnd = segment.upTo === Number.POSITIVE_INFINITY && applied !== undefined && samePosition(applied, position)
    return isEnd ? { after: Math.max(last, segment.after), held: position } : undefined
  }
  const { localSequence, control, prev } = entry
  if (samePosition(entry.position, position)) {
    // A gap must be read again before what follows it.
    return { after: control === undefined ? localSequence : localSequence - 1, held: position }
  }
  return prev !== undefined && samePosition(prev, position) ? { after: localSequence - 1, held: position } : undefined
}

/** The first entry from local sequence `low` to `high` whose position has at least this sequence. */
function* firstFrom(
  sequence: number,
  low: number,
  high: number,
): Generator<LocalProbe, LocalEntry | undefined, LocalEntry | undefined> {
  let from = low
  let upTo = high
  let found: LocalEntry | undefined
  while (from <= upTo) {
    const middle = from + Math.floor((upTo - from) / 2)
    const entry = yield { from: middle }
    if (entry === undefined || entry.localSequence > upTo) upTo = middle - 1
    else if (entry.position.sequence < sequence) from = entry.localSequence + 1
    else {
      found = entry
      upTo = middle - 1
    }
  }
  return found
}
