/** A region that events may be handed to. */
export type ForwardPeer = {
  readonly region: string
  /** The link to it stands, and the topic is exchanged with it. */
  readonly usable: boolean
  /** Preference, lowest first. */
  readonly cost: number
  /** Measured time there and back, ms; undefined when not known. */
  readonly rttMs: number | undefined
}

/** What is known of this region's store. Times in milliseconds by the monotonic clock. */
export type StoreState = {
  /** Since when there is no connection to it; undefined while it stands. */
  readonly awaySinceMs: number | undefined
  /** Since when it owes answers and has given none; undefined while it owes none. */
  readonly silentSinceMs: number | undefined
  /** Its breaker lets nothing pass. */
  readonly breakerOpen: boolean
}

/** One attempt to publish. */
export type PublishTime = {
  readonly begunAtMs: number
  /** When the caller must have an answer. */
  readonly deadlineAtMs: number
}

/** Where the events of an attempt go. */
export type PublishRoute =
  /** To the own store; at `patienceAtMs` (infinity: never, nobody else is there) ask again. */
  | { readonly kind: 'store'; readonly patienceAtMs: number }
  /** To these regions, one after the other until one takes them; those may be in the own store all the same. */
  | { readonly kind: 'forward'; readonly regions: readonly string[] }

/** A connection that is away for so long is not waited for, ms: most come back sooner. */
export const AWAY_PATIENCE_MS = 250
/** The own store has at most so long, ms, before another region is asked: two attempts fit into what clients wait. */
export const STORE_PATIENCE_MS = 1_500
/** Time that one attempt at another region gets at least, ms; with less left it is not begun. */
export const FORWARD_MS_MIN = 100
/** Regions that are asked, one after the other. */
export const FORWARD_REGIONS_MAX = 3

/**
 * Where events go now: to the own store, unless it cannot take them (no connection, breaker open), answers nobody, or
 * has not answered while half of the caller's time went by. Only what may be forwarded is: the topic allows it, another
 * region is in reach, and the events were not forwarded before.
 *
 * Half of the time, at most `STORE_PATIENCE_MS`: the rest must do for the way to another region and for storing there.
 * A store that owed nobody an answer is always tried: so it is noticed when it is back.
 */
export function publishRoute(
  time: PublishTime,
  store: StoreState,
  peers: readonly ForwardPeer[],
  nowMs: number,
): PublishRoute {
  const patienceAtMs = storePatienceAt(time, store)
  if (nowMs < patienceAtMs) return { kind: 'store', patienceAtMs }
  const regions = forwardOrder(peers)
  return regions.length > 0 ? { kind: 'forward', regions } : { kind: 'store', patienceAtMs: Number.POSITIVE_INFINITY }
}

/** Until when the own store is waited for, whoever else there is; in the past when it is not asked at all. */
export function storePatienceAt({ begunAtMs, deadlineAtMs }: PublishTime, store: StoreState): number {
  if (store.breakerOpen) return Number.NEGATIVE_INFINITY
  const patienceMs = Math.min(STORE_PATIENCE_MS, (deadlineAtMs - begunAtMs) / 2)
  return Math.min(
    begunAtMs + patienceMs,
    (store.awaySinceMs ?? Number.POSITIVE_INFINITY) + AWAY_PATIENCE_MS,
    (store.silentSinceMs ?? Number.POSITIVE_INFINITY) + STORE_PATIENCE_MS,
  )
}

/** The regions that may take events, best first: by cost, then by time there and back, then by name. */
export function forwardOrder(peers: readonly ForwardPeer[]): readonly string[] {
  return peers
    .filter(({ usable }) => usable)
    .toSorted(
      (a, b) =>
        a.cost - b.cost ||
        (a.rttMs ?? Number.MAX_VALUE) - (b.rttMs ?? Number.MAX_VALUE) ||
        (a.region < b.region ? -1 : 1),
    )
    .slice(0, FORWARD_REGIONS_MAX)
    .map(({ region }) => region)
}
