import type { NatsSession } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicRegistry } from '../../topics.ts'
import type { ReplicationMetrics } from '../metrics.ts'
import type { OwnHeads } from './own-heads.ts'
import type { PeerPositions } from './peer-positions.ts'

/** What every served stream shares. */
export type ServeContext = {
  /** This region. */
  readonly region: string
  /** Trust domain. */
  readonly mesh: string
  readonly session: NatsSession
  readonly registry: Pick<TopicRegistry, 'snapshot' | 'get' | 'onChange'>
  readonly heads: OwnHeads
  readonly positions: PeerPositions
  readonly log: Log
  readonly metrics: ReplicationMetrics
  /** Clock, ms since 1970. */
  readonly now: () => number
}
