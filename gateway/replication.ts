import type { HybridClock } from '@landbridge/core'
import { Broadcast, CheckpointBucket, type NatsSession } from '@landbridge/nats'
import type { CertificateSource, Trust } from './auth/index.ts'
import type { Config } from './config.ts'
import type { MarkedViews } from './marked-views.ts'
import { AppliedPositions } from './publish/index.ts'
import {
  type Applied,
  CopyAdopter,
  type GatewayReadings,
  OwnTails,
  Presence,
  RegionView,
  type ReplicationHandlers,
  ReplicationMetrics,
  Replicator,
  replicationHandlers,
} from './replicate/index.ts'
import type { EventTracing, Log, Metrics } from './telemetry/index.ts'
import type { TopicRegistry } from './topics.ts'

/** What replication is made of. */
export type ReplicationParts = {
  readonly config: Config
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly views: MarkedViews
  readonly certificates: CertificateSource
  /** The SPIFFE id of our own certificate. */
  readonly ownId: () => string
  readonly trust: Trust
  readonly clock: HybridClock
  readonly tracing: EventTracing | undefined
  readonly log: Log
  readonly metrics: Metrics
  /** The region's clock, ms since 1970. */
  readonly now: () => number
}

/** Replication, put together. */
export type Replication = AsyncDisposable & {
  /** Pulls from the other regions, once it is started. */
  readonly replicator: Replicator
  /** What serves the other regions. */
  readonly handlers: ReplicationHandlers
  /** Puts events of other regions into this region's own log. */
  readonly adopter: CopyAdopter
  /** How far the other regions are, as all gateways of this one hear it. */
  readonly positions: AppliedPositions
  /** What all gateways of the region know together. */
  readonly view: RegionView
  /** Lets go of this gateway's pulls, and tells the others that it leaves. */
  handOver(): Promise<void>
}

/** Where the gateways of a region tell each other how far other regions are. No stream listens there. */
const APPLIED_SUBJECT = 'lb-gateways.applied'

/** Puts together what pulls from other regions and what serves them. Nothing is pulled before the replicator starts. */
export async function openReplication(parts: ReplicationParts): Promise<Replication> {
  const { config, session, registry, views, certificates, ownId, trust, clock, tracing, log, now } = parts
  const { gateway, replicas } = config
  await using owned = new AsyncDisposableStack()
  const metrics = new ReplicationMetrics(parts.metrics)
  const shared = { config, session, registry, log, metrics, now }
  const checkpoints = await CheckpointBucket.open({ session, replicas })
  const tails = await OwnTails.open({ session, replicas, log, now })
  const share = owned.use(await Presence.open({ session, replicas, gateway, log }))
  share.runs(registry.snapshot.revision)
  owned.defer(registry.onChange(({ revision }) => share.runs(revision)))
  const wanted = (topicKey: string) => registry.get(topicKey)?.document.spec.durability === 'quorum'
  const applied: Applied = (topicKey) =>
    wanted(topicKey) ? positions.of(topicKey).map(({ position }) => position.sequence) : []
  const replicator = owned.use(
    new Replicator({ ...shared, checkpoints, views, certificates, applied, clock, share, tracing }),
  )
  const handlers = owned.use(
    replicationHandlers({
      ...shared,
      ownId,
      trust,
      tails,
      checkpoints,
      links: replicator.links,
      originHead: (topicKey, origin) => replicator.originHead(topicKey, origin),
    }),
  )
  const broadcast = owned.use(
    new Broadcast({ session, subject: APPLIED_SUBJECT, onMessage: (payload) => positions.take(payload), log }),
  )
  const send = (payload: string) => broadcast.send(payload)
  const positions = owned.use(new AppliedPositions({ gateway, local: handlers.positions, send, wanted }))
  owned.defer(session.onChange(() => positions.reset()))
  const own: GatewayReadings = {
    lag: (topicKey) => replicator.lag(topicKey),
    peers: () => replicator.peers(),
    wanted: (topicKey) => replicator.wanted(topicKey),
    applied: (topicKey) =>
      handlers.positions.of(topicKey).map(({ region, position }) => ({ region, sequence: position.sequence })),
  }
  const gateways = () => share.gateways.length
  const view = owned.use(new RegionView({ session, gateway, gateways, own, log }))
  const all = owned.move()
  return {
    replicator,
    handlers,
    positions,
    adopter: new CopyAdopter({ session, region: config.region }),
    view,
    handOver: () => replicator.release().then(() => share.leave()),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
