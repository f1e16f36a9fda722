import type { MeshError } from '@landbridge/core'
import { type NatsSession, type ReadStart, type StoredMessage, StreamReader } from '@landbridge/nats'
import type { Log } from '../telemetry/index.ts'
import type { TopicEntry } from '../topics.ts'

/** Where a subscription's events come from. */
export type Source = {
  /** No event comes after this until `resume`. */
  pause(): void
  resume(): void
  /** Ends it; what is unsettled is returned. Idempotent. */
  close(): Promise<void>
}

/** Bytes asked for ahead of a subscriber: what a stalled one holds, together with its outbox. */
export const WINDOW_BYTES = 1024 * 1024

/**
 * What a subscription reads of its topic's stream: all of it. The stream holds nothing but the topic, and control records
 * (`isControlSubject`) are left out here: asked to filter, the server takes a third more CPU time for each event.
 */
export const WHOLE_STREAM: readonly string[] = []

/** What an ephemeral reader needs. */
export type EphemeralOptions = {
  readonly session: NatsSession
  readonly topic: TopicEntry
  readonly start: ReadStart
  readonly log: Log
  readonly onEvent: (message: StoredMessage) => void
  readonly onEnd: (error: MeshError | undefined) => void
}

/** Every event of the topic in the order of the region's stream, for one subscriber that settles nothing. */
export function ephemeralSource(options: EphemeralOptions): Source {
  const { session, topic, start, log, onEvent, onEnd } = options
  return new StreamReader({
    session,
    stream: topic.stream,
    filters: WHOLE_STREAM,
    start,
    windowBytes: WINDOW_BYTES,
    onMessage: onEvent,
    onEnd,
    log,
  })
}
