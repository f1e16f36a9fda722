import type { TopicDocument } from '../documents/index.ts'
import { formatTopicName } from '../names.ts'
import { streamName, streamSubjects } from '../subjects.ts'
import type { StreamShape } from './types.ts'

/** Keys of a stream's metadata that belong to the mesh. */
export const STREAM_METADATA = {
  prefix: 'landbridge.dev/',
  /** "<tenant>/<topic>": whose stream it is. */
  topic: 'landbridge.dev/topic',
  /** Number of partitions, so that a later document cannot shrink it unseen. */
  partitions: 'landbridge.dev/partitions',
  owner: 'landbridge.dev/owner',
} as const

/**
 * Room for what the mesh adds to an event: its own attributes (region, times, who published it) and the headers of the
 * record. The server's limit counts both.
 */
export const MESSAGE_OVERHEAD_BYTES = 16 * 1024

/** What a region chooses for documents that leave it open. */
export type RegionDefaults = {
  /** Copies of a stream: 1, 3 or 5. */
  readonly replicasDefault: number
}

/** The stream that a topic wants in a region. */
export function streamShapeOf(document: TopicDocument, region: RegionDefaults): StreamShape {
  const { name, spec } = document
  return {
    name: streamName(name),
    subjects: streamSubjects(name),
    replicas: spec.replicas ?? region.replicasDefault,
    storage: spec.storage,
    maxAgeMs: spec.retention.ageMs,
    maxBytes: spec.retention.bytes,
    maxMessages: spec.retention.events,
    maxMessageBytes: spec.maxEventBytes + MESSAGE_OVERHEAD_BYTES,
    duplicateWindowMs: spec.duplicateWindowMs,
    allowAtomic: true,
    allowDirect: false,
    denyDelete: true,
    denyPurge: true,
    description: spec.description,
    metadata: {
      [STREAM_METADATA.topic]: formatTopicName(name),
      [STREAM_METADATA.partitions]: String(spec.partitions),
      ...(spec.owner === '' ? {} : { [STREAM_METADATA.owner]: spec.owner }),
    },
  }
}
