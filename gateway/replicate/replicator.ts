import type { ConfigSnapshot, HybridClock, RegionPeerDocument } from '@landbridge/core'
import type { CheckpointBucket, NatsSession } from '@landbridge/nats'
import type { CertificateSource } from '../auth/index.ts'
import type { Config } from '../config.ts'
import type { EventTracing, Log } from '../telemetry/index.ts'
import type { TopicEntry, TopicRegistry } from '../topics.ts'
import { exchangeOf } from './exchange.ts'
import { PeerLink } from './link/peer-link.ts'
import type { ReplicationMetrics } from './metrics.ts'
import type { PullContext } from './pull/context.ts'
import { Incarnations } from './pull/incarnations.ts'
import { MarkedView } from './pull/marked-view.ts'
import { Pull } from './pull/pull.ts'
import { StartGate } from './pull/start-gate.ts'
import type { LagRow, PeerStatus } from './status.ts'

/** What a replicator needs. */
export type ReplicatorOptions = {
  readonly config: Pick<Config, 'region' | 'mesh' | 'gateway'>
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly checkpoints: CheckpointBucket
  readonly certificates: CertificateSource
  readonly log: Log
  readonly metrics: ReplicationMetrics
  /** The gateway's hybrid clock: it takes over the times of what arrives. */
  readonly clock: HybridClock
  /** Undefined: no tracing. */
  readonly tracing?: EventTracing | undefined
  /** Clock, ms since 1970. */
  readonly now?: () => number
  /** 0 (included) to 1 (excluded). */
  readonly random?: () => number
}

/** Runs that read their positions at a time: after a restart there is one a (topic, origin). */
const STARTS_MAX = 32
/** Records on the way and waiting, over all pulls. */
const CREDIT_BYTES_TOTAL = 256 * 1024 * 1024
const CREDIT_BYTES_MAX = 4 * 1024 * 1024
const CREDIT_BYTES_MIN = 256 * 1024

type PeerEntry = { readonly document: RegionPeerDocument; readonly link: PeerLink; readonly pulls: Map<string, Pull> }

/**
 * Brings every other region's events here: one link a RegionPeer, one pull a (topic, origin), following the
 * configuration. Every region is pulled from itself.
 *
 * When a region has several gateways each of them pulls: the fence lets one of two appliers through, and the other
 * stands back for up to 4 s and looks again, so that one does nearly all the work and a dead one is replaced.
 */
export class Replicator implements AsyncDisposable {
  readonly #options: ReplicatorOptions
  readonly #peers = new Map<string, PeerEntry>()
  readonly #views = new Map<string, { readonly stream: string; readonly view: MarkedView }>()
  readonly #closing = new Set<Promise<void>>()
  readonly #context: PullContext
  #stopFollowing: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(options: ReplicatorOptions) {
    const { session, checkpoints, log, metrics, clock, registry, now = Date.now, random = Math.random } = options
    this.#options = options
    this.#context = {
      gateway: options.config.gateway,
      session,
      checkpoints,
      incarnations: new Incarnations({ now }),
      log,
      metrics,
      clock,
      tracing: options.tracing,
      now,
      random,
      gate: new StartGate(STARTS_MAX),
      topic: (key) => registry.get(key),
      markedView: (topic) => this.#viewOf(topic),
      creditBytes: () => this.#creditBytes(),
    }
  }

  /** Begins to pull. Once. */
  start(): void {
    const { registry, metrics } = this.#options
    metrics.follow({ peers: () => this.peers(), lag: () => this.lag(), stopped: () => this.#stoppedPulls() })
    this.#stopFollowing = registry.onChange((snapshot) => this.#reconcile(snapshot))
    this.#reconcile(registry.snapshot)
  }

  /** The links to other regions. */
  peers(): PeerStatus[] {
    return [...this.#peers.values()].map(({ document, link, pulls }) => ({
      region: link.region,
      endpoints: link.endpoints,
      state: link.state,
      reason: link.state === 'connected' ? stopReasons(pulls.values()) : link.reason,
      lastContactMs: link.lastContactMs,
      pulls: link.pulls,
      cost: document.spec.cost,
      rttMs: undefined,
    }))
  }

  /** How far this region is behind each origin of each topic, or of one topic ("<tenant>/<topic>"). */
  lag(topicKey?: string): LagRow[] {
    const rows: LagRow[] = []
    for (const { pulls } of this.#peers.values()) {
      for (const pull of pulls.values()) if (topicKey === undefined || pull.topicKey === topicKey) rows.push(pull.lag())
    }
    return rows
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
    this.#stopFollowing?.()
    for (const [region, entry] of this.#peers) this.#closePeer(region, entry)
    await Promise.all(this.#closing)
  }

  #reconcile(snapshot: ConfigSnapshot): void {
    if (this.#closed !== undefined) return
    const { region } = this.#options.config
    for (const [name, entry] of this.#peers) {
      // A changed document may mean other endpoints or another name: begin again.
      if (snapshot.peers.get(name) !== entry.document && !sameLink(snapshot.peers.get(name), entry.document)) {
        this.#closePeer(name, entry)
      }
    }
    for (const [name, document] of snapshot.peers) {
      if (name === region) continue
      const entry = this.#peers.get(name) ?? this.#openPeer(document)
      this.#reconcilePulls(snapshot, entry)
    }
    for (const [key, { stream }] of this.#views) {
      if (this.#options.registry.get(key)?.stream !== stream) this.#views.delete(key)
    }
  }

  #openPeer(document: RegionPeerDocument): PeerEntry {
    const { config, certificates, log } = this.#options
    const { now, random } = this.#context
    const link = new PeerLink({ peer: document, ...config, certificates, log, now, random })
    const entry = { document, link, pulls: new Map<string, Pull>() }
    this.#peers.set(document.region, entry)
    return entry
  }

  #reconcilePulls(snapshot: ConfigSnapshot, { link, pulls }: PeerEntry): void {
    const { region } = this.#options.config
    for (const [topicKey, pull] of pulls) {
      if (exchangeOf(snapshot, region, link.region, topicKey) === 'allowed') continue
      pulls.delete(topicKey)
      this.#whileClosing(pull.close())
    }
    for (const topicKey of snapshot.topics.keys()) {
      if (pulls.has(topicKey) || exchangeOf(snapshot, region, link.region, topicKey) !== 'allowed') continue
      pulls.set(topicKey, new Pull(this.#context, link, topicKey, link.region))
    }
  }

  #closePeer(region: string, { link, pulls }: PeerEntry): void {
    this.#peers.delete(region)
    for (const pull of pulls.values()) this.#whileClosing(pull.close())
    this.#whileClosing(link.close())
  }

  #whileClosing(closing: Promise<void>): void {
    this.#closing.add(closing)
    void closing.finally(() => this.#closing.delete(closing))
  }

  #viewOf(topic: TopicEntry): MarkedView {
    const known = this.#views.get(topic.key)
    if (known?.stream === topic.stream) return known.view
    const view = new MarkedView(this.#options.session, topic, this.#options.log)
    this.#views.set(topic.key, { stream: topic.stream, view })
    return view
  }

  #creditBytes(): number {
    let pulls = 0
    for (const entry of this.#peers.values()) pulls += entry.pulls.size
    return Math.max(CREDIT_BYTES_MIN, Math.min(CREDIT_BYTES_MAX, Math.floor(CREDIT_BYTES_TOTAL / Math.max(1, pulls))))
  }

  #stoppedPulls() {
    return [...this.#peers.values()].flatMap(({ pulls }) =>
      [...pulls.values()].flatMap(({ topicKey: topic, origin, stopped }) =>
        stopped === undefined ? [] : [{ topic, origin, reason: stopped.reason }],
      ),
    )
  }
}

function sameLink(next: RegionPeerDocument | undefined, before: RegionPeerDocument): boolean {
  if (next === undefined) return false
  const { spec } = next
  return (
    spec.serverName === before.spec.serverName &&
    spec.endpoints.length === before.spec.endpoints.length &&
    spec.endpoints.every((endpoint, index) => endpoint === before.spec.endpoints[index])
  )
}

/** Which pulls stand still, for people: at most three are named. */
function stopReasons(pulls: Iterable<Pull>): string {
  const stopped = [...pulls].flatMap((pull) =>
    pull.stopped === undefined ? [] : [`${pull.topicKey}: ${pull.stopped.reason}`],
  )
  const more = stopped.length > 3 ? ` and ${stopped.length - 3} more` : ''
  return stopped.length === 0 ? '' : `stopped: ${stopped.slice(0, 3).join(', ')}${more}`
}
