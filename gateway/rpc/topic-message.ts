import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { MeshError } from '@landbridge/core'
import { type NatsSession, streamStatus } from '@landbridge/nats'
import { type Topic, TopicSchema } from '@landbridge/proto'
import type { TopicEntry } from '../topics.ts'

/** A topic and what this region's stream holds of it. @throws MeshError 'unavailable' when the store does not tell. */
export async function topicMessage(session: NatsSession, entry: TopicEntry): Promise<Topic> {
  const { spec } = entry.document
  const status = await streamStatus(session, entry.stream)
  if (status === undefined) {
    throw new MeshError('unavailable', `topic: ${entry.key} has no stream in this region yet, try again`, {
      retryAfterMs: 1000,
    })
  }
  const { ageMs, bytes, events } = spec.retention
  return create(TopicSchema, {
    name: entry.key,
    partitions: spec.partitions,
    maxEventBytes: BigInt(spec.maxEventBytes),
    duplicateWindow: durationFromMs(spec.duplicateWindowMs),
    ...(ageMs === undefined ? {} : { retentionAge: durationFromMs(ageMs) }),
    retentionBytes: BigInt(bytes ?? 0),
    retentionEvents: BigInt(events ?? 0),
    regions: [...spec.regions],
    owner: spec.owner,
    description: spec.description,
    eventCount: BigInt(status.messages),
    bytes: BigInt(status.bytes),
    firstSequence: BigInt(status.messages === 0 ? 0 : status.firstSequence),
    lastSequence: BigInt(status.lastSequence),
  })
}
