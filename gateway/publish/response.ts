import { create, toBinary } from '@bufbuild/protobuf'
import { bytesFieldSize, encodeTimestamp, grpcStatusOf, MeshError, varintFieldSize, WireWriter } from '@landbridge/core'
import {
  type PublishError,
  PublishErrorSchema,
  PublishFailureSchema,
  PublishResponseSchema,
  type PublishResult,
  PublishResultSchema,
  PublishStreamResponseSchema,
  type Receipt,
} from '@landbridge/proto'
import { timestampOf } from '../time.ts'
import type { EventResult, Placement } from './event-store.ts'

/** Field numbers of `PublishStreamResponse`; a test holds them against the generated code. */
const Field = { batchId: 1, region: 2, lastSequence: 3, regionTime: 6, regions: 7, degraded: 8 } as const

/** Who answers, and when. */
export type Answering = {
  /** This region. */
  readonly region: string
  /** The gateway's clock, ms since 1970. */
  readonly nowMs: number
}

/** The encoded `PublishResponse` for the results of one request. */
export function encodePublishResponse({ region, nowMs }: Answering, results: readonly EventResult[]): Buffer {
  const message = create(PublishResponseSchema, {
    ...timestampOf('regionTime', nowMs),
    results: publishResults(region, results),
  })
  return asBuffer(toBinary(PublishResponseSchema, message))
}

/** The `PublishResult` of each event. */
export function publishResults(region: string, results: readonly EventResult[]): PublishResult[] {
  const here: Placement = { region, regions: [region], degraded: false }
  return results.map((result) => {
    if (result.kind === 'failed') {
      return create(PublishResultSchema, { outcome: { case: 'error', value: publishError(result.error) } })
    }
    const { region: origin, regions, degraded } = result.placement ?? here
    const value: Receipt = {
      $typeName: 'landbridge.v1.Receipt',
      region: origin,
      sequence: BigInt(result.sequence),
      duplicate: result.kind === 'duplicate',
      regions: [...regions],
      degraded,
    }
    return create(PublishResultSchema, { outcome: { case: 'receipt', value } })
  })
}

/** The encoded `PublishStreamResponse` for the results of one batch. Written by hand when every event was stored. */
export function encodeBatchAck(batchId: bigint, answering: Answering, results: readonly EventResult[]): Buffer {
  let lastSequence = 0
  let plain = batchId <= Number.MAX_SAFE_INTEGER
  for (const result of results) {
    if (result.kind !== 'stored') plain = false
    if (result.kind !== 'failed' && result.sequence > lastSequence) lastSequence = result.sequence
  }
  const placement = placementOf(answering.region, results)
  if (plain) return plainAck(Number(batchId), answering.nowMs, placement, lastSequence)
  const message = create(PublishStreamResponseSchema, {
    batchId,
    region: placement.region,
    lastSequence: BigInt(lastSequence),
    regions: [...placement.regions],
    degraded: placement.degraded,
    ...timestampOf('regionTime', answering.nowMs),
  })
  for (const [index, result] of results.entries()) {
    if (result.kind === 'duplicate') message.duplicates.push(index)
    if (result.kind === 'failed') {
      message.failures.push(create(PublishFailureSchema, { index, error: publishError(result.error) }))
    }
  }
  return asBuffer(toBinary(PublishStreamResponseSchema, message))
}

/** Where every acknowledged event of a batch is; a batch goes to one region as a whole, but copies may be from others. */
function placementOf(here: string, results: readonly EventResult[]): Placement {
  let region: string | undefined
  let regions: readonly string[] | undefined
  let degraded = false
  const own = [here]
  for (const result of results) {
    if (result.kind === 'failed') continue
    const { placement } = result
    // Mostly the same object for all of them.
    const held: readonly string[] = placement?.regions ?? own
    if (regions === undefined) regions = held
    else if (regions !== held) regions = regions.filter((one) => held.includes(one))
    const stored = placement?.region ?? here
    region = region === undefined || region === stored ? stored : here
    degraded ||= placement?.degraded === true
  }
  return { region: region ?? here, regions: regions ?? [], degraded }
}

function plainAck(
  batchId: number,
  nowMs: number,
  { region, regions, degraded }: Placement,
  lastSequence: number,
): Buffer {
  const regionTime = encodeTimestamp(nowMs)
  let size =
    bytesFieldSize(Field.regionTime, regionTime.length) +
    (degraded ? varintFieldSize(Field.degraded, 1) : 0) +
    (batchId === 0 ? 0 : varintFieldSize(Field.batchId, batchId)) +
    bytesFieldSize(Field.region, Buffer.byteLength(region)) +
    (lastSequence === 0 ? 0 : varintFieldSize(Field.lastSequence, lastSequence))
  for (const each of regions) size += bytesFieldSize(Field.regions, Buffer.byteLength(each))
  const writer = new WireWriter(size)
  if (batchId !== 0) writer.varint(Field.batchId, batchId)
  writer.text(Field.region, region)
  if (lastSequence !== 0) writer.varint(Field.lastSequence, lastSequence)
  writer.bytes(Field.regionTime, regionTime)
  for (const each of regions) writer.text(Field.regions, each)
  if (degraded) writer.varint(Field.degraded, 1)
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
