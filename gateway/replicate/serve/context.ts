import type { CheckpointBucket, NatsSession } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicRegistry } from '../../topics.ts'
import type { PeerVerification } from '../identity/verify-peer.ts'
import type { ReplicationMetrics } from '../metrics.ts'
import type { UpstreamLinks } from '../upstream-links.ts'
import type { HoldingsFeed } from './holdings-feed.ts'
import type { OwnHeads } from './own-heads.ts'
import type { PeerPositions } from './peer-positions.ts'
import type { KnownHead } from './relay-head.ts'

/** What every served stream shares. */
export type ServeContext = PeerVerification & {
  readonly session: NatsSession
  readonly registry: Pick<TopicRegistry, 'snapshot' | 'get' | 'onChange'>
  readonly checkpoints: CheckpointBucket
  /** The way on to other regions. */
  readonly links: UpstreamLinks
  /** What our own pull knows of a foreign origin's end; undefined when nothing is known in this gateway. */
  readonly originHead?: ((topicKey: string, origin: string) => KnownHead | undefined) | undefined
  readonly heads: OwnHeads
  readonly positions: PeerPositions
  readonly holdings: HoldingsFeed
  readonly log: Log
  readonly metrics: ReplicationMetrics
}
