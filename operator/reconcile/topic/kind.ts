import {
  API_VERSION,
  type DocumentKey,
  formatTopicName,
  fromData,
  fromStored,
  type MeshDocument,
  streamName,
  streamShapeOf,
  type TopicDocument,
  unwrap,
} from '@landbridge/core'
import { TOPIC } from '../../api/index.ts'
import type { Region } from '../../region/index.ts'
import { type FindOptions, type Kind, type Shown, troubleOf } from '../kind.ts'
import type { Found, ResourceStatus } from '../types.ts'
import { findUses, usesText } from './uses.ts'

/** What topics need. */
export type TopicKindOptions = {
  readonly region: Region
  readonly replicasDefault: number
}

/** Topics: a stream and an entry of the configuration. */
export function topicKind({ region, replicasDefault }: TopicKindOptions): Kind {
  const find = async (document: MeshDocument | undefined, options: FindOptions): Promise<Found> => {
    const { deleting, deleteAnyway, identity } = options
    const topic = document === undefined ? topicInService(region, identity) : topicOf(document)
    const desired = region.access.streams.supported(streamShapeOf(topic, { replicasDefault }))
    const observed = region.stream(desired.name)?.shape
    const asks = deleting && !deleteAnyway && observed !== undefined
    return {
      stream: { desired, observed },
      stored: region.entry(identity.key)?.value,
      inUse: asks ? usesText(await findUses(region, topic)) : [],
    }
  }
  return {
    definition: TOPIC,
    ofTenant: true,
    find,
    shown: (document, before) => shownOf(region, topicOf(document), before),
  }
}

function shownOf(region: Region, { name, spec }: TopicDocument, before: ResourceStatus | undefined): Shown {
  const regions = spec.regions.length === 0 ? 'all' : spec.regions.join(', ')
  const fixed = { topic: formatTopicName(name), stream: streamName(name), regions }
  if (!region.figuresKnown) return { extras: { ...fixed, lag: before?.lag }, degraded: troubleOf(before) }
  const figures = region.topicFigures(fixed.topic)
  return { extras: { ...fixed, lag: figures?.lag }, degraded: figures?.trouble }
}

/** What the gateways go by while the spec cannot be read; without that, only the name counts. */
function topicInService(region: Region, { key, tenant, topic }: DocumentKey): TopicDocument {
  const stored = fromStored(region.entry(key)?.value ?? '').value
  if (stored?.kind === 'Topic' && stored.name.tenant === tenant && stored.name.topic === topic) return stored
  const metadata = { namespace: tenant, name: topic }
  return topicOf(unwrap(fromData({ apiVersion: API_VERSION, kind: 'Topic', metadata, spec: {} })))
}

function topicOf(document: MeshDocument): TopicDocument {
  if (document.kind !== 'Topic') throw new TypeError(`kind is ${document.kind}, wanted Topic`)
  return document
}
