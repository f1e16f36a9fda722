import { type ControlRecord, parseHeaders, parseSubject } from '@landbridge/core'
import { type NatsSession, recordAt } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'

/** The event that a marker stands for. */
export type MarkedEvent = { readonly partition: number; readonly payload: Uint8Array }

/**
 * Rule 8: reads the event that a marker stands for, from the stream's leader. Undefined when it is no longer kept.
 * @throws MeshError when the stream cannot be read now.
 */
export async function eventOfMarker(
  session: NatsSession,
  topic: TopicEntry,
  marker: Extract<ControlRecord, { readonly kind: 'marker' }>,
): Promise<MarkedEvent | undefined> {
  const record = await recordAt(session, topic.stream, marker.localSequence)
  if (record === undefined) return undefined
  const partition = parseSubject(record.subject).value?.partition
  const headers = parseHeaders((name) => record.header(name)).value
  if (partition === undefined || headers?.messageId !== marker.messageId) return undefined
  return { partition, payload: record.payload }
}
