import type { HybridClock } from '@landbridge/core'
import type { CheckpointBucket, NatsSession } from '@landbridge/nats'
import type { MarkedView } from '../../marked-views.ts'
import type { EventTracing, Log } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'
import type { ReplicationMetrics } from '../metrics.ts'
import type { Repairs } from '../repair/repairs.ts'
import type { RouteTable } from '../route/route-table.ts'
import type { Incarnations } from './incarnations.ts'
import type { ReceiveRoom } from './receive-room.ts'
import type { StartGate } from './start-gate.ts'

/** What every pull shares. */
export type PullContext = {
  /** Name of this gateway. */
  readonly gateway: string
  readonly session: NatsSession
  /** The links, and what their peers hold. */
  readonly routes: RouteTable
  readonly checkpoints: CheckpointBucket
  readonly incarnations: Incarnations
  readonly repairs: Repairs
  readonly log: Log
  readonly metrics: ReplicationMetrics
  readonly clock: HybridClock
  /** Undefined: no tracing. */
  readonly tracing: EventTracing | undefined
  /** Clock, ms since 1970. */
  readonly now: () => number
  readonly random: () => number
  /** Lets a bounded number of runs read their positions at a time. */
  readonly gate: StartGate
  /** Counts what waits to be stored. */
  readonly room: ReceiveRoom
  /** The topic now; undefined when this region does not know it any more. */
  topic(key: string): TopicEntry | undefined
  /** The marked ids of a topic. */
  markedView(topic: TopicEntry): MarkedView
  /** Why the link to a region is not up, for people; empty when it is. */
  linkReason(region: string): string
}
