import { EVERY } from '../egress/index.ts'
import { isLabel, parseTopicName, quote } from '../names.ts'
import { PARTITIONS_MAX } from '../partition.ts'
import { formatCatalog, readDeprecation, readSla } from './catalog.ts'
import { formatEgress, readEgress } from './egress.ts'
import type { Fields } from './fields.ts'
import type { Metadata } from './metadata.ts'
import type { EgressSpec, TopicDocument, TopicRetention, TopicSpec } from './types.ts'
import { formatBytes, formatDuration } from './units.ts'

/** Limits and defaults of a topic, in milliseconds and bytes. */
export const TOPIC_LIMITS = {
  maxEventBytes: { min: 1024, max: 8 * 1024 ** 2, default: 1024 ** 2 },
  // Longer than two batch lives, so that the window answers for whatever was in flight during a copy check (RULES.md 5).
  duplicateWindowMs: { min: 30_000, max: 86_400_000, default: 120_000 },
  retentionAgeMs: { min: 60_000, max: 10 * 365 * 86_400_000 },
  retentionBytes: { min: 1024 ** 2, max: 1024 ** 5 },
  retentionEvents: { min: 1, max: 1e12 },
  regions: { max: 32 },
  ownerLength: 256,
  descriptionLength: 1024,
} as const

/** Reads a Topic's metadata and spec. */
export function readTopic(metadata: Metadata, spec: Fields): TopicDocument {
  const name = parseTopicName(`${metadata.namespace}/${metadata.name}`)
  // A missing part and a bad tenant were reported as such.
  if (name.error !== undefined && metadata.name !== '' && isLabel(metadata.namespace))
    metadata.problem(name.error.message)
  return {
    kind: 'Topic',
    name: name.value ?? { tenant: '', topic: '' },
    spec: readSpec(spec),
  }
}

function readSpec(spec: Fields): TopicSpec {
  const retention = readRetention(spec.fields('retention'))
  const replicas = spec.integer('replicas', { min: 1, max: 5 }, undefined)
  if (replicas !== undefined && replicas % 2 === 0) spec.problem('replicas', `is ${replicas}, wanted 1, 3 or 5`)
  const { maxEventBytes: eventBytes, duplicateWindowMs: window } = TOPIC_LIMITS
  const replication = spec.fields('replication')
  const regions = replication.texts('regions', TOPIC_LIMITS.regions, isLabel, 'the name of a region')
  const egress = readEgress(replication)
  replication.finish()
  const topic: TopicSpec = {
    partitions: spec.integer('partitions', { min: 1, max: PARTITIONS_MAX }, 1),
    ordering: spec.oneOf('ordering', ['key', 'none'], 'key'),
    retention,
    storage: spec.oneOf('storage', ['file', 'memory'], 'file'),
    replicas,
    maxEventBytes: spec.bytes('maxEventBytes', eventBytes, formatBytes, eventBytes.default),
    duplicateWindowMs: spec.duration('duplicateWindow', window, formatDuration, window.default),
    failover: spec.oneOf('failover', ['forward', 'none'], 'forward'),
    durability: spec.oneOf('durability', ['local', 'quorum'], 'local'),
    quorumFallback: spec.oneOf('quorumFallback', ['wait', 'degrade'], 'wait'),
    regions: regions.toSorted(),
    egress,
    owner: spec.text('owner', TOPIC_LIMITS.ownerLength, { absent: '' }),
    sla: readSla(spec),
    deprecation: readDeprecation(spec),
    description: spec.text('description', TOPIC_LIMITS.descriptionLength, { absent: '' }),
    deletionPolicy: spec.oneOf('deletionPolicy', ['Retain', 'Delete'], 'Retain'),
  }
  spec.finish()
  checkTogether(topic, spec)
  return topic
}

function readRetention(retention: Fields): TopicRetention {
  const { retentionAgeMs, retentionBytes, retentionEvents } = TOPIC_LIMITS
  const limits = {
    ageMs: retention.duration('age', retentionAgeMs, formatDuration, undefined),
    bytes: retention.bytes('bytes', retentionBytes, formatBytes, undefined),
    events: retention.integer('events', retentionEvents, undefined),
  }
  retention.finish()
  return limits
}

function checkTogether(topic: TopicSpec, spec: Fields): void {
  const { retention, duplicateWindowMs, maxEventBytes } = topic
  const { ageMs, bytes } = retention
  if (ageMs !== undefined && duplicateWindowMs > ageMs) {
    const wanted = `wanted at most retention.age, ${formatDuration(ageMs)}`
    spec.problem('duplicateWindow', `is ${formatDuration(duplicateWindowMs)}, ${wanted}`)
  }
  if (bytes !== undefined && maxEventBytes > bytes) {
    const wanted = `wanted at most retention.bytes, ${formatBytes(bytes)}`
    spec.problem('maxEventBytes', `is ${formatBytes(maxEventBytes)}, ${wanted}`)
  }
  if (topic.durability === 'quorum' && topic.quorumFallback === 'wait') checkQuorum(topic.egress, spec)
}

/** An event that may not leave its region would wait for another one until its deadline. */
function checkQuorum({ filter, masks, classifications }: EgressSpec, spec: Fields): void {
  const lonely = classifications.find(({ regions }) => regions.length === 1 && !regions.includes(EVERY))
  const why =
    filter !== undefined
      ? 'replication.filter keeps events in their region'
      : masks.length > 0
        ? 'replication.masks leave no other region with the events as they are'
        : lonely === undefined
          ? undefined
          : `only ${lonely.regions.join()} may hold ${quote(lonely.classification)}`
  if (why !== undefined) {
    spec.problem('durability', `is "quorum", but ${why}, wanted "local", or "degrade" as quorumFallback`)
  }
}

/** The spec as it is written in YAML; defaults are spelled out. */
export function formatTopicSpec(spec: TopicSpec): Readonly<Record<string, unknown>> {
  const { ageMs, bytes, events } = spec.retention
  return {
    partitions: spec.partitions,
    ordering: spec.ordering,
    retention: {
      ...(ageMs === undefined ? {} : { age: formatDuration(ageMs) }),
      ...(bytes === undefined ? {} : { bytes: formatBytes(bytes) }),
      ...(events === undefined ? {} : { events }),
    },
    storage: spec.storage,
    ...(spec.replicas === undefined ? {} : { replicas: spec.replicas }),
    maxEventBytes: formatBytes(spec.maxEventBytes),
    duplicateWindow: formatDuration(spec.duplicateWindowMs),
    failover: spec.failover,
    durability: spec.durability,
    quorumFallback: spec.quorumFallback,
    replication: { regions: spec.regions, ...formatEgress(spec.egress) },
    owner: spec.owner,
    ...formatCatalog(spec),
    description: spec.description,
    deletionPolicy: spec.deletionPolicy,
  }
}
