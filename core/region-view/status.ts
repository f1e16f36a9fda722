/** A link to another region, as this gateway sees it. */
export type PeerStatus = {
  readonly region: string
  /** "host:port" of its gateways. */
  readonly endpoints: readonly string[]
  readonly state: 'connecting' | 'connected' | 'disconnected'
  /** Why, when it is not connected; and which of its pulls are stopped. Empty when there is nothing to say. */
  readonly reason: string
  /** When something last came over the link, ms since 1970; undefined if never. */
  readonly lastContactMs: number | undefined
  /** Pulls that are open over it. */
  readonly pulls: number
  /** Preference among routes, from its RegionPeer; lowest first. */
  readonly cost: number
  /** The way there and back as measured, in ms; undefined when not known. */
  readonly rttMs: number | undefined
  /** How far its clock is ahead of this region's, in ms, less half a round trip; undefined when it is not connected. */
  readonly clockAheadMs: number | undefined
}

/**
 * Why a pull stands still until somebody acts: the logs of the two regions differ; the origin no longer keeps what
 * follows; a record is refused by this region's store for good (too large for its server, for example).
 */
export type StopReason = 'diverged' | 'retention_gap' | 'cannot_store'

/** How far this region is behind one origin of one topic. See `LagMeter` for how it is computed. */
export type LagRow = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly origin: string
  /** Events that the origin holds and this region does not yet; meaningless unless `known`. */
  readonly events: number
  /** Age of the oldest such event, in seconds; 0 when there is none. */
  readonly seconds: number
  /** False while nobody knows how far the origin is: it was not heard for 3 s, by us or by the relay that we pull from. */
  readonly known: boolean
  /** Last origin sequence applied here; 0 when none is known. */
  readonly appliedSequence: number
  /** Last sequence the origin reported; 0 when none is known. */
  readonly headSequence: number
  /** When the origin last reported, ms since 1970; undefined if never. */
  readonly reportedMs: number | undefined
  /** The region that its events come from now: the origin or a relay; undefined when there is none. */
  readonly upstream: string | undefined
  /** The gateway that pulls them; undefined when none does. */
  readonly gateway: string | undefined
  /** Every event that the origin stored up to then, ms since 1970 by its own clock, is here; undefined when not known. */
  readonly watermarkMs: number | undefined
  /** Why nothing moves, for people; empty when all is well. */
  readonly problem: string
  /** Retention gaps of this origin that were written down here. */
  readonly gaps: number
}

/** What is known of a pull of which nobody tells. */
export const UNKNOWN_LAG: Omit<LagRow, 'topic' | 'origin'> = {
  events: 0,
  seconds: 0,
  known: false,
  appliedSequence: 0,
  headSequence: 0,
  reportedMs: undefined,
  upstream: undefined,
  gateway: undefined,
  watermarkMs: undefined,
  problem: '',
  gaps: 0,
}

/** How far another region has applied this region's own events of a topic. */
export type AppliedRow = {
  readonly region: string
  /** Everything up to and including this sequence of our own log. */
  readonly sequence: number
}

/**
 * One row for each (topic, origin) out of those of several gateways of a region, by topic and origin. Only one of them
 * pulls; the others may know of an earlier time when they did. The best informed row wins: one that is known, then one
 * with an upstream, then the one that heard last.
 */
export function mergeLag(rows: Iterable<LagRow>): LagRow[] {
  const best = new Map<string, LagRow>()
  for (const row of rows) {
    const key = `${row.topic} ${row.origin}`
    const other = best.get(key)
    if (other === undefined || isBetter(row, other))
      best.set(key, { ...row, gaps: Math.max(row.gaps, other?.gaps ?? 0) })
    else if (row.gaps > other.gaps) best.set(key, { ...other, gaps: row.gaps })
  }
  return [...best.values()].sort((a, b) => compare(a.topic, b.topic) || compare(a.origin, b.origin))
}

/**
 * One status for each region out of those of several gateways: the link of the gateway that is best off, and the pulls of
 * all of them together. What is wrong with any link is said.
 */
export function mergePeers(statuses: Iterable<PeerStatus>): PeerStatus[] {
  const merged = new Map<string, PeerStatus>()
  for (const status of statuses) {
    const other = merged.get(status.region)
    if (other === undefined) {
      merged.set(status.region, status)
      continue
    }
    const [best, rest] = linkRank(status) > linkRank(other) ? [status, other] : [other, status]
    merged.set(status.region, {
      ...best,
      reason: [...new Set([best.reason, rest.reason])].filter((reason) => reason !== '').join('; '),
      pulls: best.pulls + rest.pulls,
    })
  }
  return [...merged.values()].sort((a, b) => compare(a.region, b.region))
}

function linkRank({ state, lastContactMs }: PeerStatus): number {
  return state === 'connected' ? Number.POSITIVE_INFINITY : (lastContactMs ?? 0)
}

function isBetter(row: LagRow, other: LagRow): boolean {
  if (row.known !== other.known) return row.known
  const pulls = row.upstream !== undefined
  if (pulls !== (other.upstream !== undefined)) return pulls
  return (row.reportedMs ?? 0) > (other.reportedMs ?? 0)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
