import { fail, type Result } from '../result.ts'
import { asBuffer, isTextAt, WireReader, WireType } from '../wire.ts'
import { AttributeScanner } from './attribute-scanner.ts'
import { AnyField, EventField } from './fields.ts'

/** An encoded `io.cloudevents.v1.CloudEvent`. */
export type EventBytes = Uint8Array

/** What the mesh needs to know of an event, read from its bytes. */
export type ScannedEvent = {
  /** `id`, not empty. */
  readonly id: string
  /** `source`, not empty. */
  readonly source: string
  /** `type`, not empty. */
  readonly type: string
  /** The `partitionkey` attribute: not empty; undefined when the event has none. */
  readonly partitionKey: string | undefined
  /** The `traceparent` attribute; undefined when the event has none. */
  readonly traceparent: string | undefined
  /** Bytes of the event as it was sent. */
  readonly byteLength: number
}

// One scan runs to its end before another begins, so all scans share these and allocate nothing but their result.
const event = new WireReader()
const any = new WireReader()
const attributes = new AttributeScanner()

/**
 * Checks the bytes of an event from outside and reads what the mesh needs,
 * without decoding it.
 *
 * 1. Never throws. `invalid_argument` says what is wrong.
 * 2. What it accepts, every Protobuf library decodes, and reads as the same id,
 *    source, type and attributes: the last of repeated fields and map keys wins.
 *    What libraries read differently is refused.
 * 3. Bytes appended to an accepted event begin a new field, so attributes that
 *    the mesh appends win over those that a client set.
 */
export function scanEvent(bytes: EventBytes): Result<ScannedEvent> {
  const buffer = asBuffer(bytes)
  let idStart = 0
  let idEnd = 0
  let sourceStart = 0
  let sourceEnd = 0
  let versionStart = 0
  let versionEnd = 0
  let typeStart = 0
  let typeEnd = 0
  attributes.reset()
  event.reset(buffer, 0, buffer.length)
  while (event.next()) {
    if (event.field > EventField.protoData) continue
    if (event.wireType !== WireType.bytes) return malformed()
    switch (event.field) {
      case EventField.id:
        idStart = event.start
        idEnd = event.end
        break
      case EventField.source:
        sourceStart = event.start
        sourceEnd = event.end
        break
      case EventField.specVersion:
        versionStart = event.start
        versionEnd = event.end
        break
      case EventField.type:
        typeStart = event.start
        typeEnd = event.end
        break
      case EventField.attributes: {
        const problem = attributes.scan(buffer, event.start, event.end)
        if (problem !== undefined) return fail('invalid_argument', problem)
        continue
      }
      case EventField.binaryData:
        continue
      case EventField.protoData:
        if (!isAny(buffer, event.start, event.end)) return malformed()
        continue
    }
    if (!isTextAt(buffer, event.start, event.end)) return notText(event.field)
  }
  if (event.malformed) return malformed()
  if (idEnd === idStart) return missing('id')
  if (sourceEnd === sourceStart) return missing('source')
  if (typeEnd === typeStart) return missing('type')
  if (!isVersion(buffer, versionStart, versionEnd)) return fail('invalid_argument', 'event: spec_version is not "1.0"')
  return {
    value: {
      id: buffer.toString('utf8', idStart, idEnd),
      source: buffer.toString('utf8', sourceStart, sourceEnd),
      type: buffer.toString('utf8', typeStart, typeEnd),
      partitionKey: attributes.partitionKey(buffer),
      traceparent: attributes.traceparent(buffer),
      byteLength: buffer.length,
    },
  }
}

/** True when the bytes are a well-formed `google.protobuf.Any`. */
function isAny(bytes: Buffer, start: number, end: number): boolean {
  any.reset(bytes, start, end)
  while (any.next()) {
    if (any.field > AnyField.value) continue
    if (any.wireType !== WireType.bytes) return false
    if (any.field === AnyField.typeUrl && !any.isText()) return false
  }
  return !any.malformed
}

function isVersion(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 3 && bytes[start] === 0x31 && bytes[start + 1] === 0x2e && bytes[start + 2] === 0x30
}

function malformed() {
  return fail('invalid_argument', 'event: is malformed, wanted an encoded io.cloudevents.v1.CloudEvent')
}

function missing(attribute: string) {
  return fail('invalid_argument', `event: ${attribute} is missing or empty, wanted text`)
}

function notText(field: number) {
  const name = Object.entries(EventField).find(([, number]) => number === field)?.[0]
  return fail('invalid_argument', `event: ${name} is not UTF-8`)
}
