import { bytesFieldSize, encodeTimestamp, varintFieldSize, WireWriter } from '@landbridge/core'
import { messageCodec, type Retry, RetrySchema } from '@landbridge/proto'

/** Field numbers of `PublishRequest` and `PublishStreamRequest`; a test holds them against the generated code. */
const Request = { topic: 1, events: 2, retry: 3, sentTime: 4 } as const
const StreamRequest = { batchId: 1, topic: 2, events: 3, retry: 4, sentTime: 5 } as const

const codec = messageCodec(RetrySchema)

/** Events of one topic that are sent together. */
export type Batch = {
  readonly topic: string
  /** Encoded. */
  readonly events: readonly Uint8Array[]
  readonly retry: Retry | undefined
  /** When it is sent, ms since 1970 by the region's clock. */
  readonly sentMs: number
}

/** An encoded `PublishRequest`. */
export function encodePublishRequest(batch: Batch): Buffer {
  return encode(Request, batch, 0)
}

/** An encoded `PublishStreamRequest`; `batchId` is 1 or more. */
export function encodeStreamRequest(batch: Batch, batchId: number): Buffer {
  return encode(StreamRequest, batch, batchId)
}

type Fields = {
  readonly batchId?: number
  readonly topic: number
  readonly events: number
  readonly retry: number
  readonly sentTime: number
}

function encode(fields: Fields, { topic, events, retry, sentMs }: Batch, batchId: number): Buffer {
  const encodedRetry = retry === undefined ? undefined : codec.serialize(retry)
  const sentTime = encodeTimestamp(sentMs)
  let size = bytesFieldSize(fields.topic, Buffer.byteLength(topic)) + bytesFieldSize(fields.sentTime, sentTime.length)
  if (fields.batchId !== undefined) size += varintFieldSize(fields.batchId, batchId)
  for (const event of events) size += bytesFieldSize(fields.events, event.length)
  if (encodedRetry !== undefined) size += bytesFieldSize(fields.retry, encodedRetry.length)
  const writer = new WireWriter(size)
  if (fields.batchId !== undefined) writer.varint(fields.batchId, batchId)
  writer.text(fields.topic, topic)
  for (const event of events) writer.bytes(fields.events, event)
  if (encodedRetry !== undefined) writer.bytes(fields.retry, encodedRetry)
  writer.bytes(fields.sentTime, sentTime)
  return writer.buffer
}
