import { formatBytes, formatDuration } from '../documents/index.ts'
import { quote } from '../names.ts'
import { STREAM_METADATA } from './stream-shape.ts'
import type { StreamShape, TopicPlan } from './types.ts'

type Field = {
  readonly label: string
  /** The value as it is compared and shown. */
  readonly show: (shape: StreamShape) => string
}

const NO_LIMIT = 'unlimited'
const SERVER_PREFIX = '_nats.'

// In the order in which changes are listed.
const FIELDS: readonly Field[] = [
  { label: 'subjects', show: (shape) => shape.subjects.join(' ') },
  { label: 'replicas', show: (shape) => String(shape.replicas) },
  { label: 'storage', show: (shape) => shape.storage },
  { label: 'partitions', show: (shape) => shape.metadata[STREAM_METADATA.partitions] ?? 'unknown' },
  { label: 'max_age', show: (shape) => limit(shape.maxAgeMs, formatDuration) },
  { label: 'max_bytes', show: (shape) => limit(shape.maxBytes, formatBytes) },
  { label: 'max_messages', show: (shape) => limit(shape.maxMessages, String) },
  { label: 'max_message_size', show: (shape) => formatBytes(shape.maxMessageBytes) },
  { label: 'duplicate_window', show: (shape) => formatDuration(shape.duplicateWindowMs) },
  { label: 'allow_atomic', show: (shape) => String(shape.allowAtomic) },
  { label: 'allow_direct', show: (shape) => String(shape.allowDirect) },
  { label: 'deny_delete', show: (shape) => String(shape.denyDelete) },
  { label: 'deny_purge', show: (shape) => String(shape.denyPurge) },
  { label: 'description', show: (shape) => quote(shape.description) },
  { label: 'owner', show: (shape) => quote(shape.metadata[STREAM_METADATA.owner] ?? '') },
]

/**
 * What to do so that a topic's stream is as desired. Refused is what would lose
 * events or break a promise; then nothing is to be changed:
 *
 * - a stream of that name that is not this topic's
 * - another storage type (the server cannot change it)
 * - fewer partitions (who reads one by its subject would wait in vain); more is allowed
 * - another number of replicas, or another duplicate window: a writer or a retry that is under way counts on the old one
 */
export function planTopic(desired: StreamShape, observed: StreamShape | undefined): TopicPlan {
  if (observed === undefined) return { action: 'create', changes: [], shape: desired }
  const shape: StreamShape = { ...desired, metadata: mergedMetadata(desired, observed) }
  const changes = [...changesBetween(observed, shape)]
  const reason = refusal(desired, observed)
  if (reason !== undefined)
    return { action: 'refuse', changes, reason: `stream ${desired.name}: ${reason}`, shape: observed }
  return { action: changes.length === 0 ? 'unchanged' : 'update', changes, shape }
}

function refusal(desired: StreamShape, observed: StreamShape): string | undefined {
  const owner = observed.metadata[STREAM_METADATA.topic]
  const topic = desired.metadata[STREAM_METADATA.topic]
  if (owner === undefined) return 'exists and was not made by the mesh, wanted no stream of this name'
  if (owner !== topic) return `belongs to topic ${quote(owner)}, wanted ${quote(topic ?? '')}`
  if (observed.storage !== desired.storage) return `storage is ${observed.storage}, wanted no change of it`
  const partitions = Number(observed.metadata[STREAM_METADATA.partitions])
  // Unknown when somebody removed the metadata by hand: writing the number again repairs it.
  if (Number(desired.metadata[STREAM_METADATA.partitions]) < partitions) {
    return `partitions is ${partitions}, wanted as many or more`
  }
  if (observed.replicas !== desired.replicas) {
    return `replicas is ${observed.replicas}, wanted no change of it: not supported yet`
  }
  if (observed.duplicateWindowMs !== desired.duplicateWindowMs) {
    return `duplicate_window is ${formatDuration(observed.duplicateWindowMs)}, wanted no change of it: not supported yet`
  }
  return undefined
}

function* changesBetween(from: StreamShape, to: StreamShape): Generator<string> {
  for (const { label, show } of FIELDS) {
    const before = show(from)
    const after = show(to)
    if (before !== after) yield `${label} ${before} -> ${after}`
  }
}

/** The desired keys of the mesh, and whatever others keep there. */
function mergedMetadata(desired: StreamShape, observed: StreamShape): Readonly<Record<string, string>> {
  const kept = Object.entries(observed.metadata).filter(
    ([key]) => !key.startsWith(STREAM_METADATA.prefix) && !key.startsWith(SERVER_PREFIX),
  )
  return { ...Object.fromEntries(kept), ...desired.metadata }
}

function limit(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? NO_LIMIT : format(value)
}
