import type { Position } from './position.ts'

/** What another region has durably applied of this region's own log of one topic. */
export type AppliedReport = {
  readonly region: string
  /** Applied up to and including this sequence. */
  readonly sequence: number
  /** When `sequence` was first heard, ms by the monotonic clock of who decides. */
  readonly heardAtMs: number
}

/** Events whose acknowledgement waits for another region. */
export type QuorumClaim = {
  /** The highest of their sequences in this region's own log. */
  readonly sequence: number
  /**
   * Before this nobody can have heard of them: when they were handed to the store, ms by the monotonic clock. Minus
   * infinity for a copy that was stored earlier, and only where the reports were held against the log since.
   */
  readonly begunAtMs: number
  /** When the caller must have an answer, ms by the monotonic clock. */
  readonly deadlineAtMs: number
  readonly fallback: 'wait' | 'degrade'
}

/** What is known of the other regions. */
export type QuorumView = {
  /** One a region that pulls the topic now, over a pull that was placed in this incarnation of the log. */
  readonly reports: readonly AppliedReport[]
  /** Since when no region does, ms by the monotonic clock; undefined while one does. */
  readonly absentSinceMs: number | undefined
}

/** What becomes of a claim now. */
export type QuorumVerdict =
  /** Acknowledge: these other regions hold the events. */
  | { readonly kind: 'held'; readonly regions: readonly string[] }
  /** Acknowledge, and say that no other region is known to hold them. */
  | { readonly kind: 'degraded' }
  /** Answer that they may be stored: the time is over. */
  | { readonly kind: 'late' }
  /** Look again when something is heard, and at this time. */
  | { readonly kind: 'wait'; readonly untilMs: number }

/** "degrade": acknowledged when no other region has pulled the topic for so long, ms: a gateway that restarts is back. */
export const QUORUM_ABSENT_MS = 500
/** "degrade": acknowledged when regions pull and none has applied the events for so long, ms. */
export const QUORUM_SILENT_MS = 2_000

/**
 * Regions that hold everything up to the claim, in the order of the reports.
 *
 * A report counts if its sequence was first heard after the events were handed to the store: what was heard before
 * cannot speak of them, whatever its number. So a report of a log that has lost its tail since, and gave the numbers to
 * other events, never counts for them.
 */
export function holdersOf(
  { sequence, begunAtMs }: Pick<QuorumClaim, 'sequence' | 'begunAtMs'>,
  reports: readonly AppliedReport[],
): readonly string[] {
  return reports
    .filter((report) => report.sequence >= sequence && report.heardAtMs >= begunAtMs)
    .map(({ region }) => region)
}

/**
 * Whether what other regions reported was reported of this log as it is: two logs that share a record (sequence and
 * stamp) share everything before it. For events that were here before their attempt: the time of a report says nothing
 * of them.
 */
export function reportsAgree(
  reported: readonly Position[],
  log: {
    /** Stored time of the record at this sequence, nanoseconds since 1970; undefined when there is none (any more). */
    stampAt(sequence: number): bigint | undefined
    /** Oldest sequence that the log keeps: what retention took is not held against a report. */
    readonly first: number
  },
): boolean {
  return reported.every(({ sequence, stamp }) => {
    if (sequence === 0) return true
    const ours = log.stampAt(sequence)
    return ours === undefined ? sequence < log.first : ours === stamp
  })
}

/**
 * Whether events of a topic with durability "quorum" may be acknowledged: when one other region has them. The answer
 * is needed by `deadlineAtMs`; "degrade" also gives up when there is nobody to wait for.
 */
export function quorumVerdict(
  claim: QuorumClaim & {
    /** When the wait began, ms by the monotonic clock. */
    readonly sinceMs: number
  },
  { reports, absentSinceMs }: QuorumView,
  nowMs: number,
): QuorumVerdict {
  const regions = holdersOf(claim, reports)
  if (regions.length > 0) return { kind: 'held', regions }
  if (claim.fallback === 'wait') {
    return nowMs >= claim.deadlineAtMs ? { kind: 'late' } : { kind: 'wait', untilMs: claim.deadlineAtMs }
  }
  const silentAtMs = claim.sinceMs + QUORUM_SILENT_MS
  const absentAtMs = absentSinceMs === undefined ? silentAtMs : absentSinceMs + QUORUM_ABSENT_MS
  const untilMs = Math.min(claim.deadlineAtMs, silentAtMs, absentAtMs)
  return nowMs >= untilMs ? { kind: 'degraded' } : { kind: 'wait', untilMs }
}
