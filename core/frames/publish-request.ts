import { fail, type Result } from '../result.ts'
import { TimestampFields } from '../timestamp.ts'
import { asBuffer, WireReader, WireType } from '../wire.ts'
import { ForwardRequestField, PublishRequestField, PublishStreamRequestField } from './fields.ts'

/** Most events in one publish request or batch. */
export const PUBLISH_EVENTS_MAX = 1_000

/** A publish request whose events are still encoded. */
export type RawPublish = {
  /** As sent; empty when it was left out. Not checked. */
  readonly topic: string
  /** At most `PUBLISH_EVENTS_MAX`; views into the request. Not checked: see `scanEvent`. */
  readonly events: readonly Uint8Array[]
  /** The encoded `Retry`, for `parseRetry`; undefined when there is none. */
  readonly retry: Uint8Array | undefined
  /** When the attempt was sent, ms since 1970 by the region's clock; any number. Undefined when it does not say. */
  readonly sentMs: number | undefined
}

/** One batch of a publish stream. */
export type RawPublishBatch = RawPublish & {
  /** Chosen by the client. */
  readonly batchId: bigint
}

/** What a gateway of another region hands on. */
export type RawForward = RawPublish & {
  /** Who published; as sent. */
  readonly principal: string
}

const MALFORMED = fail('invalid_argument', 'publish: is malformed, wanted an encoded request')

type RequestFields = {
  readonly batchId?: number
  readonly topic: number
  readonly events: number
  readonly retry: number
  readonly sentTime: number
  readonly principal?: number
}

/** Walks an encoded `PublishRequest` without decoding its events. Never throws. */
export function readPublishRequest(bytes: Uint8Array): Result<RawPublish> {
  return walk(bytes, PublishRequestField)
}

/** Walks an encoded `PublishStreamRequest` without decoding its events. Never throws. */
export function readPublishStreamRequest(bytes: Uint8Array): Result<RawPublishBatch> {
  return walk(bytes, PublishStreamRequestField)
}

/** Walks an encoded `ForwardRequest` without decoding its events. Never throws. */
export function readForwardRequest(bytes: Uint8Array): Result<RawForward> {
  return walk(bytes, ForwardRequestField)
}

function walk(bytes: Uint8Array, fields: RequestFields): Result<RawPublishBatch & RawForward> {
  const reader = new WireReader(asBuffer(bytes))
  const events: Uint8Array[] = []
  let batchId = 0n
  let topic = ''
  let principal = ''
  let retry: Uint8Array | undefined
  let sentTime: TimestampFields | undefined
  while (reader.next()) {
    switch (reader.field) {
      case fields.batchId:
        if (reader.expect(WireType.varint)) batchId = reader.uint64()
        break
      case fields.topic:
        if (reader.expect(WireType.bytes)) topic = reader.text()
        break
      case fields.principal:
        if (reader.expect(WireType.bytes)) principal = reader.text()
        break
      case fields.events:
        if (!reader.expect(WireType.bytes)) break
        if (events.length === PUBLISH_EVENTS_MAX) {
          return fail(
            'invalid_argument',
            `publish: has more than ${PUBLISH_EVENTS_MAX} events, wanted at most that many`,
          )
        }
        events.push(reader.bytes())
        break
      case fields.retry:
        // A message field that comes in pieces is the concatenation of its pieces.
        if (reader.expect(WireType.bytes)) retry = retry ? Buffer.concat([retry, reader.bytes()]) : reader.bytes()
        break
      case fields.sentTime:
        if (!reader.expect(WireType.bytes)) break
        sentTime ??= new TimestampFields()
        if (!sentTime.read(new WireReader(bytes, reader.start, reader.end))) return MALFORMED
        break
    }
  }
  if (reader.malformed) return MALFORMED
  return { value: { batchId, topic, events, retry, sentMs: sentTime?.epochMs, principal } }
}
