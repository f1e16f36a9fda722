import {
  eventFilters,
  type Position,
  parseHeaders,
  parseSubject,
  streamName,
  type TopicName,
  unwrap,
} from '@landbridge/core'
import { type AuditReport, auditStreams, type StreamContent } from '@landbridge/lab'
import { NatsSession, StreamReader, streamStatus } from '@landbridge/nats'
import { decodeEvent, type TestEvent } from './events.ts'

/** One record as it lies in a region's stream. */
export type ContentRecord = {
  readonly event: TestEvent
  readonly origin: string
  readonly localSequence: number
  /** Where it is in its origin's stream. */
  readonly position: Position
  /** What its headers say came before it; undefined for an own record. */
  readonly prev: Position | undefined
  readonly marked: boolean
}

/** Reads a region's whole stream of one topic with a connection of its own. */
export async function readContent(servers: readonly string[], topic: TopicName): Promise<readonly ContentRecord[]> {
  await using session = await NatsSession.connect({ servers, name: 'test reader' })
  const stream = streamName(topic)
  const status = await streamStatus(session, stream)
  if (status === undefined || status.messages === 0) return []
  const records: ContentRecord[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  await using _reader = new StreamReader({
    session,
    stream,
    filters: eventFilters(topic),
    start: 'all',
    onMessage: (message) => {
      const subject = unwrap(parseSubject(message.subject))
      if (subject.control) {
        if (message.sequence >= status.lastSequence) resolve()
        return
      }
      const headers = unwrap(parseHeaders((name) => message.header(name)))
      records.push({
        event: decodeEvent(message.payload),
        origin: subject.origin,
        localSequence: message.sequence,
        position: headers.origin?.position ?? { sequence: message.sequence, stamp: message.stampNs },
        prev: headers.origin?.prev,
        marked: subject.marked,
      })
      if (message.sequence >= status.lastSequence) resolve()
    },
    onEnd: (error) => (error === undefined ? resolve() : reject(error)),
  })
  await promise
  return records
}

/** What is in every region, by its name. */
export type Contents = ReadonlyMap<string, readonly ContentRecord[]>

/** Loss, repeats, order and differences over all regions, judged from the streams alone. */
export function audit(contents: Contents, topicKey: string, acknowledged: readonly TestEvent[]): AuditReport {
  const streams: StreamContent[] = [...contents].map(([region, records]) => ({
    region,
    topic: topicKey,
    events: records.map(({ event, origin }) => ({
      identity: `${event.source} ${event.id}`,
      origin,
      // Each writer counts for itself.
      key: `${event.source} ${event.key}`,
      counter: event.counter,
    })),
  }))
  return auditStreams(
    streams,
    acknowledged.map((event) => ({ topic: topicKey, identity: `${event.source} ${event.id}` })),
  )
}

/**
 * Whether each region holds each other origin's records exactly as the origin does: same positions, same order, and
 * each header chain naming the record before. Returns problems in words; `skipped` records of copies may be missing.
 */
export function chainProblems(contents: Contents, options: { readonly copiesMayBeMissing?: boolean } = {}): string[] {
  const problems: string[] = []
  for (const [region, records] of contents) {
    for (const [origin, own] of contents) {
      if (origin === region) continue
      const theirs = own.filter((record) => record.origin === origin)
      const ours = records.filter((record) => record.origin === origin)
      const places = new Map(theirs.map((record, index) => [placeOf(record.position), index]))
      let last = -1
      for (const record of ours) {
        const index = places.get(placeOf(record.position))
        if (index === undefined) problems.push(`${region}: ${origin}:${record.position.sequence} is not in its origin`)
        else if (index <= last) problems.push(`${region}: ${origin}:${record.position.sequence} out of order`)
        else {
          const before = theirs[index - 1]?.position ?? { sequence: 0, stamp: 0n }
          if (record.prev === undefined || placeOf(record.prev) !== placeOf(before)) {
            problems.push(`${region}: ${origin}:${record.position.sequence} names a wrong record before it`)
          }
          last = index
        }
      }
      if (options.copiesMayBeMissing !== true && ours.length !== theirs.length) {
        problems.push(`${region} holds ${ours.length} of ${origin}'s ${theirs.length} records`)
      }
    }
  }
  return problems
}

function placeOf(position: Position): string {
  return `${position.sequence}:${position.stamp}`
}
