import { create, toBinary } from '@bufbuild/protobuf'
import { bytesFieldSize, encodeTimestamp, grpcStatusOf, MeshError, varintFieldSize, WireWriter } from '@landbridge/core'
import {
  type PublishError,
  PublishErrorSchema,
  PublishFailureSchema,
  PublishResponseSchema,
  PublishResultSchema,
  PublishStreamResponseSchema,
} from '@landbridge/proto'
import { timestampOf } from '../time.ts'
import type { EventResult } from './event-store.ts'

/** Field numbers of `PublishStreamResponse`; a test holds them against the generated code. */
const Field = { batchId: 1, region: 2, lastSequence: 3, regionTime: 6 } as const

/** Who answers, and when. */
export type Answering = {
  /** This region. */
  readonly region: string
  /** The gateway's clock, ms since 1970. */
  readonly nowMs: number
}

/** The encoded `PublishResponse` for the results of one request. */
export function encodePublishResponse({ region, nowMs }: Answering, results: readonly EventResult[]): Buffer {
  const regions = [region]
  const message = create(PublishResponseSchema, {
    ...timestampOf('regionTime', nowMs),
    results: results.map((result) =>
      create(PublishResultSchema, {
        outcome:
          result.kind === 'failed'
            ? { case: 'error', value: publishError(result.error) }
            : {
                case: 'receipt',
                value: {
                  $typeName: 'landbridge.v1.Receipt',
                  region,
                  sequence: BigInt(result.sequence),
                  duplicate: result.kind === 'duplicate',
                  regions,
                  degraded: false,
                },
              },
      }),
    ),
  })
  return asBuffer(toBinary(PublishResponseSchema, message))
}

/** The encoded `PublishStreamResponse` for the results of one batch. Written by hand when every event was stored. */
export function encodeBatchAck(batchId: bigint, answering: Answering, results: readonly EventResult[]): Buffer {
  let lastSequence = 0
  let plain = batchId <= Number.MAX_SAFE_INTEGER
  for (const result of results) {
    if (result.kind !== 'stored') plain = false
    if (result.kind !== 'failed' && result.sequence > lastSequence) lastSequence = result.sequence
  }
  if (plain) return plainAck(Number(batchId), answering, lastSequence)
  const { region, nowMs } = answering
  const message = create(PublishStreamResponseSchema, {
    batchId,
    region,
    lastSequence: BigInt(lastSequence),
    ...timestampOf('regionTime', nowMs),
  })
  for (const [index, result] of results.entries()) {
    if (result.kind === 'duplicate') message.duplicates.push(index)
    if (result.kind === 'failed') {
      message.failures.push(create(PublishFailureSchema, { index, error: publishError(result.error) }))
    }
  }
  return asBuffer(toBinary(PublishStreamResponseSchema, message))
}

function plainAck(batchId: number, { region, nowMs }: Answering, lastSequence: number): Buffer {
  const regionTime = encodeTimestamp(nowMs)
  const size =
    bytesFieldSize(Field.regionTime, regionTime.length) +
    (batchId === 0 ? 0 : varintFieldSize(Field.batchId, batchId)) +
    bytesFieldSize(Field.region, Buffer.byteLength(region)) +
    (lastSequence === 0 ? 0 : varintFieldSize(Field.lastSequence, lastSequence))
  const writer = new WireWriter(size)
  if (batchId !== 0) writer.varint(Field.batchId, batchId)
  writer.text(Field.region, region)
  if (lastSequence !== 0) writer.varint(Field.lastSequence, lastSequence)
  writer.bytes(Field.regionTime, regionTime)
  return writer.buffer
}

function publishError(thrown: MeshError): PublishError {
  const error = thrown.code === 'internal' ? MeshError.from(undefined) : thrown
  const message = create(PublishErrorSchema, {
    code: grpcStatusOf(error.code),
    message: error.message.toWellFormed(),
    ambiguous: thrown.ambiguous,
  })
  if (error.retryAfterMs !== undefined) {
    const seconds = Math.floor(error.retryAfterMs / 1000)
    message.retryAfter = {
      $typeName: 'google.protobuf.Duration',
      seconds: BigInt(seconds),
      nanos: Math.round((error.retryAfterMs - seconds * 1000) * 1_000_000),
    }
  }
  return message
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
