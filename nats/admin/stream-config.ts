import { STREAM_METADATA, type StreamShape } from '@landbridge/core'

const NS_PER_MS = 1e6
const SERVER_PREFIX = '_nats.'

/** JetStream's stream configuration for `shape`. */
export function streamConfigOf(shape: StreamShape): Readonly<Record<string, unknown>> {
  return {
    name: shape.name,
    subjects: shape.subjects,
    retention: 'limits',
    discard: 'old',
    num_replicas: shape.replicas,
    storage: shape.storage,
    max_age: (shape.maxAgeMs ?? 0) * NS_PER_MS,
    max_bytes: shape.maxBytes ?? -1,
    max_msgs: shape.maxMessages ?? -1,
    max_msg_size: shape.maxMessageBytes,
    duplicate_window: shape.duplicateWindowMs * NS_PER_MS,
    allow_atomic: shape.allowAtomic,
    allow_direct: shape.allowDirect,
    deny_delete: shape.denyDelete,
    deny_purge: shape.denyPurge,
    description: shape.description,
    metadata: shape.metadata,
  }
}

/** What a server's stream configuration says, in our words. */
export function shapeOfConfig(config: Readonly<Record<string, unknown>>): StreamShape {
  const metadata = Object.entries(config.metadata ?? {}).filter(([key]) => !key.startsWith(SERVER_PREFIX))
  return {
    name: String(config.name),
    subjects: Array.isArray(config.subjects) ? config.subjects.map(String) : [],
    replicas: numberOf(config.num_replicas) ?? 1,
    storage: config.storage === 'memory' ? 'memory' : 'file',
    maxAgeMs: divided(limitOf(config.max_age), NS_PER_MS),
    maxBytes: limitOf(config.max_bytes),
    maxMessages: limitOf(config.max_msgs),
    maxMessageBytes: numberOf(config.max_msg_size) ?? -1,
    duplicateWindowMs: (numberOf(config.duplicate_window) ?? 0) / NS_PER_MS,
    allowAtomic: config.allow_atomic === true,
    allowDirect: config.allow_direct === true,
    denyDelete: config.deny_delete === true,
    denyPurge: config.deny_purge === true,
    description: typeof config.description === 'string' ? config.description : '',
    metadata: Object.fromEntries(metadata.map(([key, value]) => [key, String(value)])),
  }
}

/** The mesh's own name of the stream's topic, undefined for a stream that is not the mesh's. */
export function topicOfConfig(config: Readonly<Record<string, unknown>>): string | undefined {
  return shapeOfConfig(config).metadata[STREAM_METADATA.topic]
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** The server writes 0 or -1 for "no limit". */
function limitOf(value: unknown): number | undefined {
  const number = numberOf(value)
  return number === undefined || number <= 0 ? undefined : number
}

function divided(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value / by
}
