import { Broadcast, type NatsSession } from '@landbridge/nats'
import type { CertificateSource } from './auth/index.ts'
import type { Config } from './config.ts'
import { AppliedPositions, type Budget, type EventStore, Publisher, Quorum, QuorumStep } from './publish/index.ts'
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

/** Where the gateways of a region tell each other how far other regions are. No stream listens there. */
const APPLIED_SUBJECT = 'lb-gateways.applied'

/** Puts together what stands between a publish call and the stores. */
export function openPublishing(parts: PublishingParts): Publishing {
  const { config, session, registry, store, budget, certificates, replication, log, metrics, now } = parts
  const { replicator, handlers, copies: places } = replication
  const { region, mesh, gateway, limits } = config
  using owned = new DisposableStack()

  const wanted = (topic: string) => registry.get(topic)?.document.spec.durability === 'quorum'
  const broadcast = owned.use(
    new Broadcast({ session, subject: APPLIED_SUBJECT, onMessage: (payload) => positions.take(payload), log }),
  )
  const send = (payload: string) => broadcast.send(payload)
  const positions = owned.use(new AppliedPositions({ gateway, local: handlers.positions, send, wanted }))
  const quorum = owned.use(new Quorum({ source: positions }))
  owned.defer(
    session.onChange(() => {
      positions.reset()
      quorum.reset()
    }),
  )
  const eventsMax = limits.publishEventsMax
  const regions = () => registry.snapshot.peers.keys()
  const step = new QuorumStep({ region, regions, session, quorum, positions, places, metrics, eventsMax })

  const channels = owned.use(new ForwardChannels({ region, mesh, certificates, now }))
  const peers = () => replicator.peers()
  const forwarding = new Forwarder({ region, registry, channels, peers, now, log, metrics })
  const publisher = new Publisher({ region, store, quorum: step, forwarding, now })
  const { publishTimeoutMs } = limits
  const forward = forwardService({ region, mesh, registry, publisher, budget, log, now, publishTimeoutMs })
  const all = owned.move()
  return { publisher, forward, [Symbol.dispose]: () => all.dispose() }
}
