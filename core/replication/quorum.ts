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
  /** The highest of their sequences in this region's own log; `NOT_OWN` when none of them lies there. */
  readonly sequence: number
  /**
   * Before this nobody can have heard of them: when they were handed to the store, ms by the monotonic clock. Minus
   * infinity for a copy that was stored earlier, and only where the reports were held against the log since.
   */
  readonly begunAtMs: number
  /** Regions that hold them for another reason: the origin of a copy that came by replication, while it is in reach. */
  readonly holders: readonly string[]
  /** When the caller must have an answer, ms by the monotonic clock. */
  readonly deadlineAtMs: number
  readonly fallback: 'wait' | 'degrade'
}

/** The sequence of what does not lie in this region's own log: no report covers it. */
export const NOT_OWN = Number.POSITIVE_INFINITY

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
  { sequence, begunAtMs, holders }: Pick<QuorumClaim, 'sequence' | 'begunAtMs' | 'holders'>,
  reports: readonly AppliedReport[],
): readonly string[] {
  const found = [...holders]
  for (const report of reports) {
    if (report.sequence < sequence || report.heardAtMs < begunAtMs || found.includes(report.region)) continue
    found.push(report.region)
  }
  return found
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
