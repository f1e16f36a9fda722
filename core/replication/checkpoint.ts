import { fail, type Result, succeed } from '../result.ts'
import { type LocalRecord, type Position, START } from './position.ts'

/** A place in the local stream; { 0, 0n } stands for "no record". */
export type LocalPlace = {
  /** Sequence in the local stream. */
  readonly sequence: number
  /** Stored time there, nanoseconds since 1970. */
  readonly stamp: bigint
}

/**
 * How far an origin was applied when its newest records were skipped as copies
 * and so left no record to read the position from (rule 3). It holds only
 * together with the two records of the local stream that it names.
 */
export type Checkpoint = {
  /** Everything of the origin up to here is in the local stream. */
  readonly position: Position
  /** The origin's last record in the local stream when it was written. */
  readonly lastOf: LocalPlace
  /** The last record of the local stream when it was written, whatever its origin. */
  readonly end: LocalPlace
  /** When the stream was created in which it was written, as the server tells it. */
  readonly streamCreated?: string | undefined
}

/** What a checkpoint is checked against. */
export type StreamFacts = {
  /** Stored time of the record at this sequence of the local stream, nanoseconds since 1970; undefined when there is none (any more). */
  stampAt(sequence: number): bigint | undefined
  /** Oldest sequence that the local stream keeps; asked for only when none of the origin is kept. Undefined: not known. */
  readonly first?: number | undefined
  /** When the local stream was created; goes with `first`. */
  readonly streamCreated?: string | undefined
}

/** Where a run begins. */
export type ResolvedPosition = {
  /** Ask for what follows this. */
  readonly position: Position
  /** Local sequence that must still be the origin's last when the first message is stored; 0 means "none yet". */
  readonly fence: number
  /**
   * What to do there. "pull": ask for what follows. "skip-gap": the same, from the oldest record that is kept, because
   * it is written down that those right behind the position are gone. "repair": nothing but `RepairRun`.
   */
  readonly next: 'pull' | 'skip-gap' | 'repair'
}

/** Longest text of a checkpoint, in characters. */
const CHECKPOINT_LENGTH_MAX = 1024
const STAMP_PATTERN = /^(?:0|[1-9][0-9]{0,19})$/
const STAMP_MAX = (1n << 64n) - 1n

/**
 * Rule 3: the position of an origin is its last record in local stream order,
 * never the greatest number, because after a repaired divergence smaller numbers
 * follow greater ones.
 *
 * A checkpoint overrides it when the record it was written upon is still the
 * origin's last one and the record that ended the stream still has its stamp.
 * Without these two conditions a stream that loses its tail and grows past the
 * old sequence makes a stale checkpoint count again: the copy that justified
 * the skip is gone, and its event is never asked for again.
 *
 * When retention has taken every record of the origin, the checkpoint is all that is left to tell where it was: it
 * counts then if retention has taken the records that it names, too. Without it: what the origin kept longer is stored
 * here again, and what it does not keep any more is missed without a word.
 *
 * A control record stands for the position that it names. While a branch is
 * last nothing else is done with the origin than to repair it (rule 7).
 */
export function resolvePosition(
  last: LocalRecord | undefined,
  checkpoint: Checkpoint | undefined,
  facts: StreamFacts,
): ResolvedPosition {
  const fence = last?.localSequence ?? 0
  if (last?.control === 'branch') return { position: last.position, fence, next: 'repair' }
  if (checkpoint !== undefined && stillHolds(checkpoint, last, facts)) {
    return { position: checkpoint.position, fence, next: 'pull' }
  }
  return { position: last?.position ?? START, fence, next: last?.control === 'gap' ? 'skip-gap' : 'pull' }
}

function stillHolds(checkpoint: Checkpoint, last: LocalRecord | undefined, facts: StreamFacts): boolean {
  const { lastOf, end } = checkpoint
  const { first = 0, streamCreated } = facts
  if (last === undefined && lastOf.sequence < first) {
    if (streamCreated === undefined || checkpoint.streamCreated !== streamCreated) return false
    return end.sequence < first || facts.stampAt(end.sequence) === end.stamp
  }
  if (lastOf.sequence !== (last?.localSequence ?? 0) || lastOf.stamp !== (last?.localStamp ?? 0n)) return false
  return end.sequence === 0 || facts.stampAt(end.sequence) === end.stamp
}

/** A checkpoint as JSON, for the checkpoint bucket. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  return JSON.stringify({
    version: 1,
    position: encodePlace(checkpoint.position),
    lastOf: encodePlace(checkpoint.lastOf),
    end: encodePlace(checkpoint.end),
    streamCreated: checkpoint.streamCreated,
  })
}

/** Reads what `encodeCheckpoint` wrote; `invalid_argument` for anything else (the caller then goes on without a checkpoint). */
export function parseCheckpoint(text: string): Result<Checkpoint> {
  const wrong = fail('invalid_argument', 'checkpoint: cannot be read, wanted JSON of version 1')
  if (text.length > CHECKPOINT_LENGTH_MAX) return wrong
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return wrong
  }
  if (typeof json !== 'object' || json === null || !('version' in json) || json.version !== 1) return wrong
  const position = 'position' in json ? parsePlace(json.position) : undefined
  const lastOf = 'lastOf' in json ? parsePlace(json.lastOf) : undefined
  const end = 'end' in json ? parsePlace(json.end) : undefined
  if (position === undefined || lastOf === undefined || end === undefined) return wrong
  const streamCreated = 'streamCreated' in json ? json.streamCreated : undefined
  if (streamCreated === undefined) return succeed({ position, lastOf, end })
  return typeof streamCreated === 'string' ? succeed({ position, lastOf, end, streamCreated }) : wrong
}

// Stamps do not fit a JSON number.
function encodePlace(place: LocalPlace): { sequence: number; stamp: string } {
  return { sequence: place.sequence, stamp: String(place.stamp) }
}

function parsePlace(json: unknown): LocalPlace | undefined {
  if (typeof json !== 'object' || json === null || !('sequence' in json) || !('stamp' in json)) return undefined
  const { sequence, stamp } = json
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0) return undefined
  if (typeof stamp !== 'string') return undefined
  const value = parseStamp(stamp)
  return value === undefined ? undefined : { sequence, stamp: value }
}

/** A stamp from decimal text; undefined unless it is a canonical unsigned 64-bit number. */
export function parseStamp(text: string): bigint | undefined {
  if (!STAMP_PATTERN.test(text)) return undefined
  const value = BigInt(text)
  return value <= STAMP_MAX ? value : undefined
}
