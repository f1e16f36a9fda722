import { type Position, START } from './position.ts'
import { blockedUntil, canTryAt, failbackMs, refuses, type Troubles } from './route-troubles.ts'

/** A region that may serve an origin's events of a topic, as the receiver knows it now. */
export type RouteCandidate = {
  readonly region: string
  /** Whether the link to it carries something. */
  readonly up: boolean
  /** False for a relay that may not have the topic, or may not hand it on. The origin itself is always allowed here. */
  readonly allowed: boolean
  /** From its RegionPeer: points, lowest first. */
  readonly cost: number
  /** The way there and back, ms; undefined while not measured. */
  readonly rttMs: number | undefined
  /** The origin's last record that it said it holds; undefined when it said nothing. Not looked at for the origin itself. */
  readonly held: Position | undefined
  /** It repairs a divergence of this origin and serves none of it. */
  readonly repairing: boolean
}

/** What a choice is made from. Times are those of one clock that is never set back, in ms. */
export type RouteView = {
  readonly origin: string
  readonly candidates: readonly RouteCandidate[]
  /** The origin's last record that this region has. */
  readonly position: Position
  readonly nowMs: number
}

/** What is remembered between choices. */
export type RouteState = {
  /** Where the events come from now. */
  readonly current: string | undefined
  /** A better one, and since when it has been that without a break. */
  readonly challenger: { readonly region: string; readonly sinceMs: number } | undefined
  readonly troubles: Troubles
}

/** A choice. */
export type RouteChoice = {
  readonly state: RouteState
  /** Where to pull from; undefined: from nowhere now. */
  readonly upstream: string | undefined
  /** When time alone may change the choice; undefined: never. */
  readonly againMs: number | undefined
}

/** Nothing chosen, nothing remembered. */
export const NO_ROUTE: RouteState = { current: undefined, challenger: undefined, troubles: new Map() }

/** Points of a relay on top of its cost: one more link, and a store between. */
const RELAY_POINTS = 100
/** A round trip counts a point a ms, up to this: at equal costs no relay is better than an origin that answers. */
const RTT_POINTS_MAX = 100
const RTT_UNKNOWN_POINTS = 50
/** Relays are asked every 250 ms at most: differences below this say nothing. */
const BEHIND_GRACE_MS = 500
const BEHIND_MS_A_POINT = 10
const BEHIND_POINTS_MAX = 5_000
/** It has nothing that we do not have, and another one has. */
const EXHAUSTED_POINTS = 500
/** It does not have what we have: it would have to ask further up. */
const UNPLACEABLE_POINTS = 10_000
/** It did not hear the origin: one that may hear it is better, whatever it has. Its numbers may be those of a log that is gone. */
const STALE_POINTS = 20_000
/** A better one must be better by this ... */
const MARGIN_POINTS = 25
/** ... for this long. */
const BETTER_MS = 1_500

/**
 * Where a region should pull an origin's events from: the origin's own link, or a relay that holds them.
 *
 * 1. Only regions whose link is up, that may relay the topic, do not repair, and gave no trouble that still counts. No
 *    relay, when the origin itself refuses this region the topic: what it does not give is not had by a detour.
 * 2. Among them the one with the fewest points: cost, round trip, a surcharge for relays, and how far a relay is behind
 *    the best one known, by the origin's own stamps. A relay that is behind this region comes late: it may still know a way.
 *    One that was found not to hear the origin comes last, until that is so long ago that it is asked again: relays that
 *    pull from each other hold the same, so nothing else would tell them to look elsewhere.
 * 3. While the current one can be used, another must be better by a margin for a while, and for longer if it was left
 *    before because it failed. When the current one cannot be used the best other one is taken at once.
 * 4. At equal costs the origin itself wins whenever it can be used. A relay wins over it only by a cost that an
 *    operator set.
 */
export function chooseUpstream(state: RouteState, view: RouteView): RouteChoice {
  const usable = view.candidates.filter((candidate) => isUsable(candidate, state, view))
  const best = bestOf(usable, state, view)
  const current = usable.find(({ region }) => region === state.current)
  const tryAtMs = canTryAt(state.troubles, waiting(usable, state, view), view.nowMs)
  if (current === undefined || best === undefined) {
    const next = { ...state, current: best?.region, challenger: undefined }
    return { state: next, upstream: best?.region, againMs: tryAtMs }
  }
  const gain = points(current, state, view) - points(best, state, view)
  if (best.region === current.region || gain < MARGIN_POINTS) {
    return { state: { ...state, challenger: undefined }, upstream: current.region, againMs: tryAtMs }
  }
  const sinceMs = state.challenger?.region === best.region ? state.challenger.sinceMs : view.nowMs
  const dueMs = sinceMs + Math.max(BETTER_MS, failbackMs(state.troubles, best.region, view.nowMs))
  if (view.nowMs >= dueMs) {
    const next = { ...state, current: best.region, challenger: undefined }
    return { state: next, upstream: best.region, againMs: tryAtMs }
  }
  const challenger = { region: best.region, sinceMs }
  return { state: { ...state, challenger }, upstream: current.region, againMs: earliest(dueMs, tryAtMs) }
}

/**
 * Whether a relay could be better than an origin whose link is up, so that it is worth asking relays what they hold:
 * only a cost that an operator set says so.
 */
export function mayBeatOrigin(originCost: number, relayCost: number): boolean {
  return relayCost + RELAY_POINTS + MARGIN_POINTS <= originCost + RTT_POINTS_MAX
}

function isUsable(candidate: RouteCandidate, { current, troubles }: RouteState, view: RouteView): boolean {
  const { region, up, allowed, held, repairing } = candidate
  if (!up || !allowed || repairing || isBlocked(region, troubles, view)) return false
  if (region !== view.origin && refuses(troubles, view.origin, view.nowMs)) return false
  // Holdings are asked for only while they are needed: one that serves us need not say what it holds.
  return region === view.origin || region === current || held !== undefined
}

/** Where a pull would begin that knows nothing yet. */
export function firstUpstream({ origin, candidates, nowMs }: Omit<RouteView, 'position'>): string | undefined {
  const placed = candidates.map((one) => ({ ...one, held: one.held ?? START }))
  return chooseUpstream(NO_ROUTE, { origin, candidates: placed, position: START, nowMs }).upstream
}

/** A relay that did not hear the origin is left alone for as long as the origin can be asked itself. */
function isBlocked(region: string, troubles: Troubles, { origin, candidates, nowMs }: RouteView): boolean {
  if (!isStale(region, troubles, nowMs)) return blockedUntil(troubles, region, nowMs) !== undefined
  const hearsOrigin = candidates.some((candidate) => candidate.region === origin && candidate.up)
  return hearsOrigin && blockedUntil(troubles, origin, nowMs) === undefined
}

function isStale(region: string, troubles: Troubles, nowMs: number): boolean {
  return troubles.get(region)?.kind === 'stale' && blockedUntil(troubles, region, nowMs) !== undefined
}

/** Those that only their troubles keep from being used, or from being as good as they are. */
function waiting(
  usable: readonly RouteCandidate[],
  { troubles }: RouteState,
  { candidates, nowMs }: RouteView,
): readonly string[] {
  return candidates
    .filter((one) => one.up && one.allowed && (!usable.includes(one) || isStale(one.region, troubles, nowMs)))
    .map(({ region }) => region)
}

function bestOf(usable: readonly RouteCandidate[], state: RouteState, view: RouteView): RouteCandidate | undefined {
  let best: RouteCandidate | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of usable) {
    const own = points(candidate, state, view)
    // By name among equals, so that the order in which peers were configured does not matter.
    if (own < fewest || (own === fewest && best !== undefined && candidate.region < best.region)) {
      best = candidate
      fewest = own
    }
  }
  return best
}

function points(candidate: RouteCandidate, state: RouteState, view: RouteView): number {
  const { cost, rttMs, region } = candidate
  const way = cost + (rttMs === undefined ? RTT_UNKNOWN_POINTS : Math.min(rttMs, RTT_POINTS_MAX))
  if (region === view.origin) return way
  const stale = isStale(region, state.troubles, view.nowMs) ? STALE_POINTS : 0
  return way + RELAY_POINTS + behindPoints(candidate, state, view) + stale
}

function behindPoints(candidate: RouteCandidate, state: RouteState, view: RouteView): number {
  const { position } = view
  // What it sent us it had: that may be newer than what it last said.
  const said = candidate.held ?? position
  const held = candidate.region === state.current && said.sequence < position.sequence ? position : said
  if (held.sequence < position.sequence) return UNPLACEABLE_POINTS
  const furthest = furthestOf(view)
  const exhausted = held.sequence === position.sequence && furthest.sequence > position.sequence
  const behindMs = held.sequence >= furthest.sequence ? 0 : Number((furthest.stamp - held.stamp) / 1_000_000n)
  const late = behindMs <= BEHIND_GRACE_MS ? 0 : Math.min(behindMs / BEHIND_MS_A_POINT, BEHIND_POINTS_MAX)
  return late + (exhausted ? EXHAUSTED_POINTS : 0)
}

/** The furthest record that anyone who can be reached is known to hold. */
function furthestOf({ candidates, position, origin }: RouteView): Position {
  let furthest = position
  for (const { region, up, allowed, held } of candidates) {
    if (region === origin || !up || !allowed || held === undefined) continue
    if (held.sequence > furthest.sequence) furthest = held
  }
  return furthest
}

function earliest(one: number, other: number | undefined): number {
  return other === undefined ? one : Math.min(one, other)
}
