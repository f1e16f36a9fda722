import { isUtf8 } from 'node:buffer'
import { EventField } from '../event/fields.ts'
import { findStringAttribute } from '../event/find-attribute.ts'
import { asBuffer, bytesFieldSize, WireReader, WireType, WireWriter } from '../wire.ts'

const CONTENT_TYPE = Buffer.from('datacontenttype')
const JSON_TYPE = /^\s*[a-z0-9.+-]+\/(?:[a-z0-9.+-]*\+)?json\s*(?:;|$)/i
const NOTHING = Buffer.alloc(0)

const reader = new WireReader()

/** The payload of an event: the last of its data fields counts. */
export type EventData = {
  /** Number of the field: one of the three data fields. */
  readonly field: number
  readonly bytes: Buffer
}

/** The payload of an event that was scanned before; undefined when it has none, or nothing in it. */
export function dataOf(event: Buffer): EventData | undefined {
  let field = 0
  let start = 0
  let end = 0
  reader.reset(event, 0, event.length)
  while (reader.next()) {
    if (reader.field < EventField.binaryData || reader.field > EventField.protoData) continue
    field = reader.field
    start = reader.start
    end = reader.end
  }
  return start === end ? undefined : { field, bytes: event.subarray(start, end) }
}

/**
 * The JSON text in the payload of an event, not yet parsed. Throws when it cannot be one: another content type, a
 * Protobuf message, bytes that are no text. Without `datacontenttype` the payload is JSON when it can be read as such.
 */
export function jsonTextOf(event: Buffer, data: EventData): string {
  const contentType = findStringAttribute(event, CONTENT_TYPE)
  const isJson = contentType === undefined || (contentType !== null && JSON_TYPE.test(contentType))
  if (!isJson || data.field === EventField.protoData || !isUtf8(data.bytes)) throw new TypeError('the data is no JSON')
  return data.bytes.toString('utf8')
}

/**
 * The event with `json` as its payload in that field (undefined: without any), everything else as it was. Fields that
 * CloudEvents does not have are left out: nobody knows what is in them. Undefined when the bytes are malformed.
 */
export function withData(event: Uint8Array, field: number, json: string | undefined): Uint8Array | undefined {
  const bytes = asBuffer(event)
  const kept: Buffer[] = []
  let before = 0
  reader.reset(bytes, 0, bytes.length)
  while (reader.next()) {
    if (reader.field < EventField.binaryData && reader.wireType === WireType.bytes) {
      kept.push(bytes.subarray(before, reader.end))
    }
    before = reader.end
  }
  if (reader.malformed) return undefined
  kept.push(json === undefined ? NOTHING : encodeData(field, json))
  return Buffer.concat(kept)
}

function encodeData(field: number, json: string): Buffer {
  const writer = new WireWriter(bytesFieldSize(field, Buffer.byteLength(json)))
  writer.text(field, json)
  return writer.buffer
}
