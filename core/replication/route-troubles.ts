/**
 * What an upstream did wrong:
 * - "unavailable": it cannot read its store now.
 * - "cannot-tell": it cannot place this region's position, or has a hole that it cannot fill.
 * - "refused": it does not serve this topic to this region: a matter of configuration.
 * - "gap": it no longer keeps what follows.
 * - "broken": it sent what cannot be right.
 * - "stalled": it said that there is more, and sent nothing.
 * - "stale": a relay that does not hear the origin.
 * - "lost": the link to it went down.
 */
export type TroubleKind = keyof typeof BLOCKS

/** What is remembered of one upstream. */
export type Trouble = {
  readonly kind: TroubleKind
  /** How often in a row. */
  readonly count: number
  readonly atMs: number
  /** Not used before this time. */
  readonly untilMs: number
  /** How often its link went down while it was in use, of late. */
  readonly losses: number
  readonly lostMs: number
}

/** By region; bounded by the number of regions. */
export type Troubles = ReadonlyMap<string, Trouble>

/** How long an upstream is left alone, doubling from min to max, in ms. A link that is down says so itself. */
const BLOCKS = {
  unavailable: { minMs: 20, maxMs: 1_000 },
  'cannot-tell': { minMs: 200, maxMs: 5_000 },
  refused: { minMs: 200, maxMs: 5_000 },
  gap: { minMs: 1_000, maxMs: 60_000 },
  broken: { minMs: 1_000, maxMs: 30_000 },
  stalled: { minMs: 1_000, maxMs: 30_000 },
  // Nothing tells when it hears the origin again: a way that heals must be found in a minute or two.
  stale: { minMs: 10_000, maxMs: 60_000 },
  lost: { minMs: 0, maxMs: 0 },
} as const

/** Trouble that is older than its last wait by this is forgotten. */
const FORGET_MS = 60_000
/** After a loss a better upstream must stand this long before it is taken again; doubling. */
const FAILBACK_MIN_MS = 3_000
const FAILBACK_MAX_MS = 60_000

/** Remembers trouble with an upstream. @param jitter 0 (included) to 1 (excluded): the wait is half to all of its length */
export function withTrouble(
  troubles: Troubles,
  region: string,
  kind: TroubleKind,
  at: { readonly nowMs: number; readonly jitter: number },
): Troubles {
  const { nowMs, jitter } = at
  const before = troubles.get(region)
  const known = before !== undefined && nowMs - Math.max(before.untilMs, before.lostMs) < FORGET_MS ? before : undefined
  const count = known?.kind === kind ? known.count + 1 : 1
  const { minMs, maxMs } = BLOCKS[kind]
  const waitMs = Math.min(maxMs, minMs * 2 ** Math.min(count - 1, 20)) * (0.5 + jitter / 2)
  const lost = kind === 'lost'
  const trouble: Trouble = {
    kind,
    count,
    atMs: nowMs,
    untilMs: nowMs + waitMs,
    losses: (known?.losses ?? 0) + (lost ? 1 : 0),
    lostMs: lost ? nowMs : (known?.lostMs ?? Number.NEGATIVE_INFINITY),
  }
  return new Map(troubles).set(region, trouble)
}

/** Forgets trouble with an upstream; how often its link went down is remembered. */
export function withoutTrouble(troubles: Troubles, region: string): Troubles {
  const known = troubles.get(region)
  if (known === undefined || (known.kind === 'lost' && known.count === 0)) return troubles
  const next = new Map(troubles)
  if (known.losses === 0) next.delete(region)
  else next.set(region, { ...known, kind: 'lost', count: 0, untilMs: known.lostMs })
  return next
}

/**
 * As `withoutTrouble`, of an upstream that serves well: that says nothing of whether a relay hears the origin, which is
 * remembered.
 */
export function servedWell(troubles: Troubles, region: string): Troubles {
  return troubles.get(region)?.kind === 'stale' ? troubles : withoutTrouble(troubles, region)
}

/** Until when an upstream is left alone; undefined when it is not. */
export function blockedUntil(troubles: Troubles, region: string, nowMs: number): number | undefined {
  const untilMs = troubles.get(region)?.untilMs
  return untilMs !== undefined && untilMs > nowMs ? untilMs : undefined
}

/** Whether an upstream's last word was that it does not serve the topic to this region. */
export function refuses(troubles: Troubles, region: string, nowMs: number): boolean {
  const known = troubles.get(region)
  return known?.kind === 'refused' && nowMs - known.untilMs < FORGET_MS
}

/** When the first of these upstreams may be tried again; undefined when none is being left alone. */
export function canTryAt(troubles: Troubles, regions: readonly string[], nowMs: number): number | undefined {
  const times = regions.map((region) => blockedUntil(troubles, region, nowMs)).filter((time) => time !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** How long an upstream must have been the better one before it is used again, after its link went down under us; ms. */
export function failbackMs(troubles: Troubles, region: string, nowMs: number): number {
  const known = troubles.get(region)
  if (known === undefined || known.losses === 0 || nowMs - known.lostMs >= FORGET_MS) return 0
  return Math.min(FAILBACK_MAX_MS, FAILBACK_MIN_MS * 2 ** Math.min(known.losses - 1, 10))
}
