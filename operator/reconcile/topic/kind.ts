import {
  configKey,
  formatTopicName,
  type MeshDocument,
  streamName,
  streamShapeOf,
  type TopicDocument,
} from '@landbridge/core'
import type { Streams } from '@landbridge/nats'
import { TOPIC } from '../../api/index.ts'
import type { RegionState } from '../../region/index.ts'
import type { Kind } from '../kind.ts'
import type { Found } from '../types.ts'

/** What topics need of the region. */
export type TopicKindOptions = {
  readonly state: RegionState
  readonly streams: Streams
  readonly replicasDefault: number
}

/** Topics: a stream and an entry of the configuration. */
export function topicKind({ state, streams, replicasDefault }: TopicKindOptions): Kind {
  const find = async (document: MeshDocument, { deleting }: { readonly deleting: boolean }): Promise<Found> => {
    const topic = topicOf(document)
    const desired = streamShapeOf(topic, { replicasDefault })
    return {
      stream: { desired, observed: state.stream(desired.name)?.shape },
      stored: state.entry(configKey(topic)),
      inUse: deleting ? await usesOf(streams, desired.name) : [],
    }
  }
  return {
    definition: TOPIC,
    ofTenant: true,
    find,
    extras: (document) => (document === undefined ? {} : extrasOf(topicOf(document))),
    degraded: () => undefined,
  }
}

function extrasOf({ name, spec }: TopicDocument): Readonly<Record<string, unknown>> {
  const regions = spec.regions.length === 0 ? 'all' : spec.regions.join(', ')
  return { topic: formatTopicName(name), stream: streamName(name), regions }
}

/** What would be lost or cut off if the topic went now. @throws MeshError when that cannot be told. */
async function usesOf(streams: Streams, stream: string): Promise<readonly string[]> {
  const groups = await streams.groups(stream)
  return groups.map(({ name, undelivered }) => {
    const waiting = undelivered === 0 ? '' : `, ${undelivered} events not delivered`
    return `group ${name} subscribes to it${waiting}`
  })
}

function topicOf(document: MeshDocument): TopicDocument {
  if (document.kind !== 'Topic') throw new TypeError(`kind is ${document.kind}, wanted Topic`)
  return document
}
