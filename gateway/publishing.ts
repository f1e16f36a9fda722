import type { NatsSession } from '@landbridge/nats'
import type { CertificateSource, Trust } from './auth/index.ts'
import type { Config } from './config.ts'
import { type Budget, type EventStore, Publisher, Quorum, QuorumStep } from './publish/index.ts'
import { ForwardChannels, Forwarder, type ForwardService, forwardService } from './replicate/index.ts'
import type { Replication } from './replication.ts'
import type { Log, Metrics } from './telemetry/index.ts'
import type { TopicRegistry } from './topics.ts'

/** What publishing is made of. */
export type PublishingParts = {
  readonly config: Pick<Config, 'region' | 'mesh' | 'gateway' | 'limits'>
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly store: EventStore
  readonly budget: Budget
  readonly certificates: CertificateSource
  /** The SPIFFE id of our own certificate. */
  readonly ownId: () => string
  readonly trust: Trust
  /** What the other regions say. */
  readonly replication: Replication
  readonly log: Log
  readonly metrics: Metrics
  /** The region's clock, ms since 1970. */
  readonly now: () => number
}

/** Publishing, put together. */
export type Publishing = Disposable & {
  readonly publisher: Publisher
  /** Takes what other regions cannot store. */
  readonly forward: ForwardService
}

/** Puts together what stands between a publish call and the stores. */
export function openPublishing(parts: PublishingParts): Publishing {
  const { config, session, registry, store, budget, certificates, ownId, trust, replication, log, metrics, now } = parts
  const { replicator, positions, adopter } = replication
  const { region, mesh, limits } = config
  using owned = new DisposableStack()

  const quorum = owned.use(new Quorum({ source: positions }))
  // Behind the positions, which forget first.
  owned.defer(session.onChange(() => quorum.reset()))
  const { publishEventsMax: eventsMax, publishBytesMax: bytesMax } = limits
  const regions = () => registry.snapshot.peers.keys()
  const step = new QuorumStep({ region, regions, session, quorum, positions, adopter, metrics, eventsMax, bytesMax })

  const channels = owned.use(new ForwardChannels({ region, mesh, certificates, now }))
  const peers = () => replicator.peers()
  const forwarding = new Forwarder({ region, registry, channels, peers, now, log, metrics })
  const publisher = new Publisher({ region, store, quorum: step, forwarding, now })
  const { publishTimeoutMs } = limits
  const peerRules = { region, mesh, ownId, trust, registry, now }
  const forward = forwardService({ ...peerRules, publisher, budget, log, publishTimeoutMs })
  const all = owned.move()
  return { publisher, forward, [Symbol.dispose]: () => all.dispose() }
}
