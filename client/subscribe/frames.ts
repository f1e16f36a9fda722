import { create } from '@bufbuild/protobuf'
import {
  bytesFieldSize,
  MeshError,
  varintFieldSize,
  varintSize,
  WireReader,
  WireType,
  WireWriter,
} from '@landbridge/core'
import { messageCodec, type SubscribeRequest, SubscribeRequestSchema } from '@landbridge/proto'

/** Field numbers of what is read and written by hand; a test holds them against the generated code. */
const Response = { started: 1, deliveries: 2, settled: 3 } as const
const Started = { region: 1 } as const
const Deliveries = { deliveries: 1 } as const
const DeliveryField = { deliveryId: 1, sequence: 2, attempt: 3, event: 4 } as const
const SettledField = { deliveryIds: 1, unknownDeliveryIds: 2 } as const
const Request = { credit: 2, ack: 3 } as const
const Credit = { messages: 1, bytes: 2 } as const
const Ack = { deliveryIds: 1 } as const

const codec = messageCodec(SubscribeRequestSchema)

/** A delivery as it came; the event is still encoded. */
export type RawDelivery = {
  readonly deliveryId: number
  readonly sequence: number
  readonly attempt: number
  readonly event: Uint8Array
}

/** Who hears what a response says. */
export type ResponseHandler = {
  onStarted(region: string): void
  onDelivery(delivery: RawDelivery): void
  onSettled(deliveryIds: readonly number[], unknownDeliveryIds: readonly number[]): void
}

/** Reads an encoded `SubscribeResponse`. @throws MeshError 'internal' when it is malformed. */
export function readResponse(bytes: Buffer, handler: ResponseHandler): void {
  const reader = new WireReader(bytes)
  while (reader.next()) {
    if (reader.wireType !== WireType.bytes) continue
    if (reader.field === Response.deliveries) readDeliveries(bytes, reader, handler)
    else if (reader.field === Response.started) handler.onStarted(readStarted(bytes, reader))
    else if (reader.field === Response.settled) readSettled(bytes, reader, handler)
  }
  if (reader.malformed) throw malformed()
}

/** An encoded request that is rare enough for the generated code. */
export function encodeRequest(request: SubscribeRequest['request']): Buffer {
  return codec.serialize(create(SubscribeRequestSchema, { request }))
}

/** An encoded `Credit`; one of both is more than 0. */
export function encodeCredit(messages: number, bytes: number): Buffer {
  const size =
    (messages === 0 ? 0 : varintFieldSize(Credit.messages, messages)) +
    (bytes === 0 ? 0 : varintFieldSize(Credit.bytes, bytes))
  const writer = new WireWriter(bytesFieldSize(Request.credit, size))
  writer.message(Request.credit, size)
  if (messages !== 0) writer.varint(Credit.messages, messages)
  if (bytes !== 0) writer.varint(Credit.bytes, bytes)
  return writer.buffer
}

/** An encoded `Ack`. */
export function encodeAck(deliveryIds: readonly number[]): Buffer {
  let packed = 0
  for (const id of deliveryIds) packed += varintSize(id)
  const size = bytesFieldSize(Ack.deliveryIds, packed)
  const writer = new WireWriter(bytesFieldSize(Request.ack, size))
  writer.message(Request.ack, size)
  writer.message(Ack.deliveryIds, packed)
  for (const id of deliveryIds) writeVarint(writer, id)
  return writer.buffer
}

function writeVarint(writer: WireWriter, value: number): void {
  let rest = value
  while (rest > 0x7f) {
    writer.buffer[writer.position++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  writer.buffer[writer.position++] = rest
}

function readStarted(bytes: Buffer, { start, end }: WireReader): string {
  const reader = new WireReader(bytes, start, end)
  let region = ''
  while (reader.next()) if (reader.field === Started.region && reader.expect(WireType.bytes)) region = reader.text()
  if (reader.malformed) throw malformed()
  return region
}

function readDeliveries(bytes: Buffer, { start, end }: WireReader, handler: ResponseHandler): void {
  const list = new WireReader(bytes, start, end)
  const reader = new WireReader()
  while (list.next()) {
    if (list.field !== Deliveries.deliveries || !list.expect(WireType.bytes)) continue
    reader.reset(bytes, list.start, list.end)
    handler.onDelivery(readDelivery(reader))
  }
  if (list.malformed) throw malformed()
}

function readDelivery(reader: WireReader): RawDelivery {
  let deliveryId = 0
  let sequence = 0
  let attempt = 0
  let event: Uint8Array = EMPTY
  while (reader.next()) {
    if (reader.field === DeliveryField.event) {
      if (reader.expect(WireType.bytes)) event = reader.bytes()
    } else if (reader.wireType === WireType.varint) {
      if (reader.field === DeliveryField.deliveryId) deliveryId = reader.varint()
      else if (reader.field === DeliveryField.sequence) sequence = reader.varint()
      else if (reader.field === DeliveryField.attempt) attempt = reader.varint()
    }
  }
  if (reader.malformed) throw malformed()
  return { deliveryId, sequence, attempt, event }
}

function readSettled(bytes: Buffer, { start, end }: WireReader, handler: ResponseHandler): void {
  const reader = new WireReader(bytes, start, end)
  const settled: number[] = []
  const unknown: number[] = []
  while (reader.next()) {
    if (reader.field === SettledField.deliveryIds) readIds(reader, settled)
    else if (reader.field === SettledField.unknownDeliveryIds) readIds(reader, unknown)
  }
  if (reader.malformed) throw malformed()
  handler.onSettled(settled, unknown)
}

/** A repeated number, packed or one by one. */
function readIds(reader: WireReader, into: number[]): void {
  if (reader.wireType === WireType.varint) {
    into.push(reader.varint())
    return
  }
  if (!reader.expect(WireType.bytes)) return
  let value = 0
  let scale = 1
  for (const byte of reader.bytes()) {
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte > 0x7f) continue
    into.push(value)
    value = 0
    scale = 1
  }
}

function malformed(): MeshError {
  return new MeshError('internal', 'subscribe: a response is malformed, wanted an encoded SubscribeResponse')
}

const EMPTY = new Uint8Array(0)
