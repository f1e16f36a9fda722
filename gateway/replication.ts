import type { HybridClock } from '@landbridge/core'
import { CheckpointBucket, type NatsSession } from '@landbridge/nats'
import type { CertificateSource } from './auth/index.ts'
import type { Config } from './config.ts'
import type { MarkedViews } from './marked-views.ts'
import {
  OriginCopies,
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
  /** Says where events of other regions lie beside here. */
  readonly copies: OriginCopies
  /** What all gateways of the region know together. */
  readonly view: RegionView
  /** Lets go of this gateway's pulls, and tells the others that it leaves. */
  handOver(): Promise<void>
}

/** Puts together what pulls from other regions and what serves them. Nothing is pulled before the replicator starts. */
export async function openReplication(parts: ReplicationParts): Promise<Replication> {
  const { config, session, registry, views, certificates, clock, tracing, log, now } = parts
  const { gateway, replicas } = config
  await using owned = new AsyncDisposableStack()
  const metrics = new ReplicationMetrics(parts.metrics)
  const shared = { config, session, registry, log, metrics, now }
  const checkpoints = await CheckpointBucket.open({ session, replicas })
  const tails = await OwnTails.open({ session, replicas, log, now })
  const share = owned.use(await Presence.open({ session, replicas, gateway, log }))
  const replicator = owned.use(new Replicator({ ...shared, checkpoints, views, certificates, clock, share, tracing }))
  const gateways = () => share.gateways.length
  const view = owned.use(new RegionView({ session, gateway, gateways, own: replicator, log }))
  const handlers = owned.use(
    replicationHandlers({
      ...shared,
      tails,
      checkpoints,
      links: replicator.links,
      originHead: (topicKey, origin) => replicator.originHead(topicKey, origin),
    }),
  )
  const all = owned.move()
  return {
    replicator,
    handlers,
    copies: new OriginCopies({ session, links: replicator.links, log }),
    view,
    handOver: () => replicator.release().then(() => share.leave()),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
