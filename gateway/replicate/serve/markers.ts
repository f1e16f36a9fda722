import { type ControlRecord, parseControl, parseHeaders, parseSubject, streamSubjects } from '@landbridge/core'
import { keptRecordAt, type NatsSession, readRange, recordAt, type StoredMessage, streamStatus } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import { togetherOf } from './marker-span.ts'

/** A marker: it stands for an event of another origin. */
export type Marker = Extract<ControlRecord, { readonly kind: 'marker' }>

/** The event that a marker stands for. */
export type MarkedEvent = { readonly partition: number; readonly payload: Uint8Array }

/** Events that are read one by one at a time: each may be of the largest size. */
const SINGLY_MAX = 8
/** No more is read together, of whatever it is, except for one event that is larger. */
const TOGETHER_BYTES_MAX = 1024 * 1024

/**
 * Rule 8: reads the events that markers stand for, up to the end of the stream's leader: of the first of them, as many as are
 * read at a time, in order, at least one. Undefined for an event that is certainly no longer kept.
 *
 * Markers that give back what an origin lost come by the thousand, of events that lie close together: those are read as they lie. To ask
 * for each by itself costs the server many times as much.
 * @throws MeshError when the stream cannot be read now, or ends before an event that it had.
 */
export async function eventsOfMarkers(
  session: NatsSession,
  topic: TopicEntry,
  markers: readonly Marker[],
): Promise<(MarkedEvent | undefined)[]> {
  const together = togetherOf(markers.map(({ localSequence }) => localSequence))
  const wanted = markers.slice(0, together === 0 ? SINGLY_MAX : together)
  const records =
    together === 0
      ? await Promise.all(wanted.map(({ localSequence }) => recordAt(session, topic.stream, localSequence)))
      : await readTogether(session, topic, wanted)
  const certain = await certainOf(session, topic.stream, wanted, records)
  return certain.map((record, index) => eventOf(record, wanted[index]))
}

/** The first records of which it is certain whether they are kept, at least one. @throws MeshError */
async function certainOf(
  session: NatsSession,
  stream: string,
  markers: readonly Marker[],
  records: readonly (StoredMessage | undefined)[],
): Promise<readonly (StoredMessage | undefined)[]> {
  if (!records.includes(undefined)) return records
  const first = (await streamStatus(session, stream))?.firstSequence ?? 0
  const sequenceAt = (index: number) => markers[index]?.localSequence ?? 0
  const doubtful = records.findIndex((record, index) => record === undefined && sequenceAt(index) >= first)
  if (doubtful === 0) return [await keptRecordAt(session, stream, sequenceAt(0))]
  return doubtful === -1 ? records : records.slice(0, doubtful)
}

/** The records of markers whose sequences ascend, of the first at least. */
async function readTogether(
  session: NatsSession,
  topic: TopicEntry,
  markers: readonly Marker[],
): Promise<(StoredMessage | undefined)[]> {
  const found: (StoredMessage | undefined)[] = []
  let bytes = 0
  await readRange({
    session,
    stream: topic.stream,
    filters: streamSubjects(topic.document.name),
    start: { sequence: markers[0]?.localSequence ?? 1 },
    headersOnly: false,
    onMessage: (message) => {
      while ((markers[found.length]?.localSequence ?? message.sequence) < message.sequence) found.push(undefined)
      if (markers[found.length]?.localSequence === message.sequence) {
        found.push(message)
      }
      bytes += message.payload.length
      return found.length < markers.length && bytes < TOGETHER_BYTES_MAX
    },
  })
  // Nothing lies behind what was read to its end: what is not found there is not kept.
  if (bytes < TOGETHER_BYTES_MAX) while (found.length < markers.length) found.push(undefined)
  return found
}

function eventOf(record: StoredMessage | undefined, marker: Marker | undefined): MarkedEvent | undefined {
  if (record === undefined || marker === undefined) return undefined
  const partition = parseSubject(record.subject).value?.partition
  const headers = parseHeaders((name) => record.header(name)).value
  if (partition === undefined || headers?.messageId !== marker.messageId) return undefined
  return { partition, payload: record.payload }
}

/** What a record under the marker subject says; undefined when it is no marker. It stands for an event in front of it. */
export function markerIn(message: StoredMessage): Marker | undefined {
  const { value } = parseControl((name) => message.header(name))
  return value?.kind === 'marker' && value.localSequence < message.sequence ? value : undefined
}
