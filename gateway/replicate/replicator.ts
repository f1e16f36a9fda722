import {
  type ConfigSnapshot,
  exchangeOf,
  type HybridClock,
  type LagRow,
  type PeerStatus,
  type RegionPeerDocument,
} from '@landbridge/core'
import { type CheckpointBucket, followCreatedStreams, type NatsSession } from '@landbridge/nats'
import type { CertificateSource } from '../auth/index.ts'
import type { Config } from '../config.ts'
import type { MarkedViews } from '../marked-views.ts'
import type { EventTracing, Log } from '../telemetry/index.ts'
import type { TopicRegistry } from '../topics.ts'
import { PeerLink } from './link/peer-link.ts'
import type { ReplicationMetrics } from './metrics.ts'
import type { PullContext } from './pull/context.ts'
import { Incarnations } from './pull/incarnations.ts'
import { Pull } from './pull/pull.ts'
import { ReceiveRoom } from './pull/receive-room.ts'
import { StartGate } from './pull/start-gate.ts'
import type { Applied } from './repair/pace.ts'
import { Repairs } from './repair/repairs.ts'
import { RouteTable } from './route/route-table.ts'
import type { KnownHead } from './serve/relay-head.ts'
import { ALONE, type Share } from './share/share.ts'
import type { UpstreamLinks } from './upstream-links.ts'

/** What a replicator needs. */
export type ReplicatorOptions = {
  readonly config: Pick<Config, 'region' | 'mesh' | 'gateway'>
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly checkpoints: CheckpointBucket
  /** Where copies are looked for; shared with publishing. */
  readonly views: MarkedViews
  readonly certificates: CertificateSource
  /** How far other regions are, of topics whose publishers wait for them. */
  readonly applied: Applied
  readonly log: Log
  readonly metrics: ReplicationMetrics
  /** The gateway's hybrid clock: it takes over the times of what arrives. */
  readonly clock: HybridClock
  /** Which pulls are this gateway's. Default: all. */
  readonly share?: Share
  /** Undefined: no tracing. */
  readonly tracing?: EventTracing | undefined
  /** Clock, ms since 1970. */
  readonly now?: () => number
  /** 0 (included) to 1 (excluded). */
  readonly random?: () => number
}

/** Runs that read their positions at a time: after a restart there is one a (topic, origin). */
const STARTS_MAX = 32
/** How often pulls are looked at that may stand still. */
const LOOK_MS = 1_000

type PeerEntry = { readonly document: RegionPeerDocument; readonly link: PeerLink }

/**
 * Brings every other region's events here: one link a RegionPeer, one pull a (topic, origin), each over the best route
 * there is, following the configuration.
 *
 * The pulls of a region are shared among its gateways. When two of them believe that a pull is theirs, the fence lets one
 * of two appliers through, and the other stands back for up to 4 s and looks again.
 */
export class Replicator implements AsyncDisposable {
  readonly #options: ReplicatorOptions
  readonly #peers = new Map<string, PeerEntry>()
  /** By topic and origin. */
  readonly #pulls = new Map<string, Pull>()
  readonly #views: MarkedViews
  readonly #repairs: Repairs
  readonly #routes: RouteTable
  readonly #share: Share
  readonly #closing = new Set<Promise<void>>()
  readonly #context: PullContext
  #stopFollowing: readonly (() => void)[] = []
  #looking: NodeJS.Timeout | undefined
  #released = false
  #closed: Promise<void> | undefined

  constructor(options: ReplicatorOptions) {
    const { session, checkpoints, log, metrics, clock, registry, now = Date.now, random = Math.random } = options
    const { region, gateway } = options.config
    this.#options = options
    this.#share = options.share ?? ALONE
    this.#routes = new RouteTable(region, registry)
    this.#views = options.views
    this.#repairs = new Repairs({ session, region, applied: options.applied, log, metrics })
    this.#context = {
      gateway,
      session,
      routes: this.#routes,
      checkpoints,
      incarnations: new Incarnations({ now }),
      repairs: this.#repairs,
      log,
      metrics,
      clock,
      tracing: options.tracing,
      now,
      random,
      gate: new StartGate(STARTS_MAX),
      room: new ReceiveRoom(() => this.#steerLinks()),
      topic: (key) => registry.get(key),
      markedView: (topic) => this.#views.of(topic),
      linkReason: (peer) => this.#peers.get(peer)?.link.reason ?? `there is no RegionPeer ${peer}`,
    }
  }

  /** The way towards other regions, for relays. */
  get links(): UpstreamLinks {
    return this.#routes
  }

  /** What is done about origins that lost records, or are gone. */
  get repairs(): Repairs {
    return this.#repairs
  }

  /** What our own pull knows of an origin's end; undefined when another gateway pulls it, or nobody tells. */
  originHead(topicKey: string, origin: string): KnownHead | undefined {
    const pull = this.#pulls.get(pullKey(topicKey, origin))
    const report = pull?.head
    return report === undefined ? undefined : { ...report, position: report.head, from: pull?.upstream }
  }

  /** Begins to pull. Once. */
  start(): void {
    const { registry, metrics, session } = this.#options
    metrics.follow({
      peers: () => this.peers(),
      lag: () => this.lag(),
      stopped: () => this.#stoppedPulls(),
      upstreams: () => [...this.#pulls.values()].map(({ upstream }) => upstream),
      gateways: () => this.#share.gateways.length,
    })
    const reconcile = () => this.#reconcile(registry.snapshot)
    // A pull with nothing to do would not notice before the next record: the silence that follows begins at once.
    const onCreated = (stream: string) => {
      for (const pull of this.#pulls.values()) if (registry.get(pull.topicKey)?.stream === stream) pull.streamMade()
    }
    this.#stopFollowing = [
      registry.onChange(reconcile),
      this.#share.onChange(reconcile),
      followCreatedStreams(session, onCreated),
    ]
    this.#looking = setInterval(() => {
      for (const pull of this.#pulls.values()) pull.look()
    }, LOOK_MS)
    reconcile()
  }

  /** The links to other regions. */
  peers(): PeerStatus[] {
    return [...this.#peers.values()].map(({ document, link }) => ({
      region: link.region,
      endpoints: link.endpoints,
      state: link.state,
      reason: link.state === 'connected' ? stopReasons(this.#pulls.values(), link.region) : link.reason,
      lastContactMs: link.lastContactMs,
      pulls: link.pulls,
      cost: document.spec.cost,
      rttMs: link.stream?.rttMs,
      clockAheadMs: link.state === 'connected' ? link.stream?.peerAheadMs : undefined,
    }))
  }

  /** How far this region is behind each origin of each topic, or of one topic ("<tenant>/<topic>"), as far as this gateway pulls them. */
  lag(topicKey?: string): LagRow[] {
    const rows: LagRow[] = []
    for (const pull of this.#pulls.values())
      if (topicKey === undefined || pull.topicKey === topicKey) rows.push(pull.lag())
    return rows
  }

  /** Every origin of every topic, or of one ("<tenant>/<topic>"), that this region wants to have, whichever gateway pulls it. */
  wanted(topicKey?: string): { readonly topic: string; readonly origin: string }[] {
    const { registry, config } = this.#options
    const { snapshot } = registry
    const topics = topicKey === undefined ? [...snapshot.topics.keys()] : [topicKey]
    return [...this.#peers.keys()].flatMap((origin) =>
      topics
        .filter((topic) => exchangeOf(snapshot, config.region, origin, topic, 'import') === 'allowed')
        .map((topic) => ({ topic, origin })),
    )
  }

  /** Ends every pull, so that other gateways may take them over; links stay. What is being stored is awaited. */
  async release(): Promise<void> {
    this.#released = true
    for (const [key, pull] of this.#pulls) this.#closePull(key, pull)
    await Promise.all(this.#closing)
  }

  /** Ends every pull and link; what is being stored is awaited. Joins a close in progress. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const stop of this.#stopFollowing) stop()
    clearInterval(this.#looking)
    await this.release()
    for (const [region, entry] of this.#peers) this.#closePeer(region, entry)
    this.#routes.close()
    await Promise.all(this.#closing)
  }

  #reconcile(snapshot: ConfigSnapshot): void {
    if (this.#closed !== undefined) return
    this.#reconcilePeers(snapshot)
    this.#reconcilePulls(snapshot)
    this.#views.keepOnly((key) => this.#options.registry.get(key)?.stream)
    this.#repairs.keepOnly(snapshot.topics)
    this.#routes.configChanged()
  }

  #reconcilePeers(snapshot: ConfigSnapshot): void {
    for (const [name, entry] of this.#peers) {
      const document = snapshot.peers.get(name)
      // Other endpoints, another name or other trust: begin again. A new cost or other topics need no new link.
      if (document === undefined || !sameLink(document, entry.document)) this.#closePeer(name, entry)
      else this.#peers.set(name, { ...entry, document })
    }
    for (const [name, document] of snapshot.peers) {
      if (name !== this.#options.config.region && !this.#peers.has(name)) this.#openPeer(document)
    }
  }

  #openPeer(document: RegionPeerDocument): void {
    const { config, certificates, log } = this.#options
    const { now, random } = this.#context
    const link = new PeerLink({
      ...{ peer: document, ...config, certificates, log, now, random },
      onChange: (changed) => {
        this.#routes.linkChanged(changed)
        this.#steerLinks()
      },
      onHoldings: (from, holdings) => this.#routes.takeHoldings(from, holdings),
    })
    this.#peers.set(document.region, { document, link })
    this.#routes.addLink(link)
  }

  #steerLinks(): void {
    for (const { link } of this.#peers.values()) link.stream?.setPaused(this.#context.room.full)
  }

  #closePeer(region: string, { link }: PeerEntry): void {
    this.#peers.delete(region)
    this.#whileClosing(link.close())
    this.#routes.removeLink(region)
  }

  #reconcilePulls(snapshot: ConfigSnapshot): void {
    const { region } = this.#options.config
    const wanted = (topicKey: string, origin: string) =>
      !this.#released &&
      exchangeOf(snapshot, region, origin, topicKey, 'import') === 'allowed' &&
      this.#share.owns(pullKey(topicKey, origin))
    for (const [key, pull] of this.#pulls) {
      if (!this.#peers.has(pull.origin) || !wanted(pull.topicKey, pull.origin)) this.#closePull(key, pull)
    }
    for (const origin of this.#peers.keys()) {
      for (const topicKey of snapshot.topics.keys()) {
        const key = pullKey(topicKey, origin)
        if (!this.#pulls.has(key) && wanted(topicKey, origin)) {
          this.#pulls.set(key, new Pull(this.#context, topicKey, origin))
        }
      }
    }
  }

  #closePull(key: string, pull: Pull): void {
    this.#pulls.delete(key)
    this.#whileClosing(pull.close())
  }

  #whileClosing(closing: Promise<void>): void {
    this.#closing.add(closing)
    void closing.finally(() => this.#closing.delete(closing))
  }

  #stoppedPulls() {
    return [...this.#pulls.values()].flatMap(({ topicKey: topic, origin, stopped }) =>
      stopped === undefined ? [] : [{ topic, origin, reason: stopped.reason }],
    )
  }
}

function pullKey(topicKey: string, origin: string): string {
  return `${topicKey} ${origin}`
}

function sameLink(next: RegionPeerDocument, before: RegionPeerDocument): boolean {
  const { spec } = next
  return (
    spec.serverName === before.spec.serverName &&
    JSON.stringify(spec.trust) === JSON.stringify(before.spec.trust) &&
    spec.endpoints.length === before.spec.endpoints.length &&
    spec.endpoints.every((endpoint, index) => endpoint === before.spec.endpoints[index])
  )
}

/** Which pulls of an origin stand still, for people: at most three are named. */
function stopReasons(pulls: Iterable<Pull>, origin: string): string {
  const stopped = [...pulls].flatMap((pull) =>
    pull.origin !== origin || pull.stopped === undefined ? [] : [`${pull.topicKey}: ${pull.stopped.reason}`],
  )
  const more = stopped.length > 3 ? ` and ${stopped.length - 3} more` : ''
  return stopped.length === 0 ? '' : `stopped: ${stopped.slice(0, 3).join(', ')}${more}`
}
