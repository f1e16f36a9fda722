import {
  exchangeOf,
  firstUpstream,
  mayBeatOrigin,
  mayRelay,
  type Position,
  type RouteCandidate,
} from '@landbridge/core'
import type { Holding } from '@landbridge/proto'
import type { TopicRegistry } from '../../topics.ts'
import type { LinkStream } from '../link/link-stream.ts'
import type { PeerLink } from '../link/peer-link.ts'
import type { UpstreamLinks } from '../upstream-links.ts'

/** Who wants to hear that a choice may have changed. */
export type RouteListener = {
  readonly topicKey: string
  readonly origin: string
  /** Where it pulls from, or would. */
  readonly upstream: string | undefined
  /** Something changed: choose again. */
  decide(): void
  /** A link came up: what was wrong with the peer before may be over. */
  linkUp(region: string): void
}

type Held = { readonly position: Position; readonly repairing: boolean }

type LinkEntry = {
  readonly link: PeerLink
  /** What it said it holds, by topic and origin: bounded by the configuration. */
  readonly holdings: Map<string, Held>
  /** Which origins it was last asked about, joined. */
  watched: string
}

/** Routes change in crowds when a link goes: asked once, shortly after. */
const WATCH_DELAY_MS = 200
/** The protocol's bound on a watch. */
const WATCHED_ORIGINS_MAX = 32

/**
 * The links of this region and what their peers hold of others: what upstreams are chosen from. Peers are asked what they
 * hold only about origins that some pull does not get from the origin itself, or need not.
 *
 * Only regions with a RegionPeer here are origins or relays: one that can be reached over others alone is named all the
 * same, so that nothing comes from a region that nobody allowed.
 */
export class RouteTable implements UpstreamLinks {
  readonly #region: string
  readonly #registry: Pick<TopicRegistry, 'snapshot'>
  readonly #links = new Map<string, LinkEntry>()
  readonly #routes = new Map<string, RouteListener>()
  /** Pulls by origin that want to know of other ways. */
  readonly #wanted = new Map<string, Set<RouteListener>>()
  #rewatching: NodeJS.Timeout | undefined

  constructor(region: string, registry: Pick<TopicRegistry, 'snapshot'>) {
    this.#region = region
    this.#registry = registry
  }

  stream(region: string): LinkStream | undefined {
    return this.#links.get(region)?.link.stream
  }

  upstreamOf(topicKey: string, origin: string): string | undefined {
    const route = this.#routes.get(keyOf(topicKey, origin))
    if (route !== undefined) return route.upstream
    return firstUpstream({ origin, candidates: this.candidates(topicKey, origin), nowMs: performance.now() })
  }

  /** Every region that may serve an origin's events of a topic, as it is now. */
  candidates(topicKey: string, origin: string): RouteCandidate[] {
    const key = keyOf(topicKey, origin)
    const candidates: RouteCandidate[] = []
    for (const [region, { link, holdings }] of this.#links) {
      const stream = link.stream
      const held = holdings.get(key)
      candidates.push({
        region,
        up: stream !== undefined,
        allowed: this.#isAllowed(topicKey, origin, region),
        cost: this.#cost(region),
        rttMs: stream?.rttMs,
        held: held?.position,
        repairing: held?.repairing ?? false,
      })
    }
    return candidates
  }

  /** A link that may serve. */
  addLink(link: PeerLink): void {
    this.#links.set(link.region, { link, holdings: new Map(), watched: '' })
  }

  removeLink(region: string): void {
    if (this.#links.delete(region)) this.decideAll()
  }

  /** A link came up or went down. */
  linkChanged(link: PeerLink): void {
    const entry = this.#links.get(link.region)
    if (entry?.link !== link) return
    entry.holdings.clear()
    entry.watched = ''
    if (link.stream !== undefined) for (const route of this.#routes.values()) route.linkUp(link.region)
    this.decideAll()
    this.#rewatchSoon()
  }

  /** A peer said what it holds. */
  takeHoldings(link: PeerLink, holdings: readonly Holding[]): void {
    const entry = this.#links.get(link.region)
    if (entry?.link !== link) return
    const { topics } = this.#registry.snapshot
    for (const { topic, origin, position, repairing } of holdings) {
      if (!topics.has(topic) || !this.#links.has(origin)) continue
      const sequence = Number(position?.sequence ?? 0n)
      if (!Number.isSafeInteger(sequence)) continue
      const key = keyOf(topic, origin)
      entry.holdings.set(key, { position: { sequence, stamp: position?.stamp ?? 0n }, repairing })
      this.#routes.get(key)?.decide()
    }
  }

  addRoute(route: RouteListener): void {
    this.#routes.set(keyOf(route.topicKey, route.origin), route)
  }

  removeRoute(route: RouteListener): void {
    const key = keyOf(route.topicKey, route.origin)
    if (this.#routes.get(key) === route) this.#routes.delete(key)
    this.want(route, false)
  }

  /** Whether a pull wants to know who else holds its origin. */
  want(route: RouteListener, wanted: boolean): void {
    const routes = this.#wanted.get(route.origin)
    if ((routes?.has(route) ?? false) === wanted) return
    if (wanted) {
      if (routes === undefined) this.#wanted.set(route.origin, new Set([route]))
      else routes.add(route)
    } else {
      routes?.delete(route)
      if (routes?.size === 0) this.#wanted.delete(route.origin)
    }
    this.#rewatchSoon()
  }

  /** Lets every pull choose again. */
  decideAll(): void {
    for (const route of this.#routes.values()) route.decide()
  }

  /** The configuration changed: costs, and who may have what. */
  configChanged(): void {
    this.decideAll()
    this.#rewatchSoon()
  }

  /** Ends its timer. */
  close(): void {
    clearTimeout(this.#rewatching)
    this.#rewatching = undefined
  }

  #isAllowed(topicKey: string, origin: string, region: string): boolean {
    const { snapshot } = this.#registry
    if (exchangeOf(snapshot, this.#region, region, topicKey, 'import') !== 'allowed') return false
    const topic = snapshot.topics.get(topicKey)
    return region === origin || (topic !== undefined && mayRelay(topic, region, this.#region))
  }

  #cost(region: string): number {
    return this.#registry.snapshot.peers.get(region)?.spec.cost ?? Number.MAX_SAFE_INTEGER
  }

  #rewatchSoon(): void {
    this.#rewatching ??= setTimeout(() => {
      this.#rewatching = undefined
      this.#rewatch()
    }, WATCH_DELAY_MS)
  }

  #rewatch(): void {
    for (const [region, entry] of this.#links) {
      const { stream } = entry.link
      if (stream === undefined) continue
      const origins = [...this.#links.keys()].filter((origin) => origin !== region && this.#isWanted(origin, region))
      const watched = origins.sort().slice(0, WATCHED_ORIGINS_MAX)
      if (watched.join() === entry.watched) continue
      entry.watched = watched.join()
      for (const key of entry.holdings.keys()) if (!watched.includes(originOf(key))) entry.holdings.delete(key)
      stream.watch(watched)
    }
  }

  #isWanted(origin: string, relay: string): boolean {
    return this.#wanted.has(origin) || mayBeatOrigin(this.#cost(origin), this.#cost(relay))
  }
}

function keyOf(topicKey: string, origin: string): string {
  return `${topicKey} ${origin}`
}

function originOf(key: string): string {
  return key.slice(key.indexOf(' ') + 1)
}
