import { quote } from '../names.ts'
import { WireReader, WireType } from '../wire.ts'
import { EntryField, TimestampField, ValueField } from './fields.ts'

/** Longest name of an attribute, in characters (the specification advises 20). */
export const ATTRIBUTE_NAME_LENGTH_MAX = 64

/** Names of context attributes and of the payload: as extensions they would be read as those by JSON clients. */
const RESERVED = ['id', 'source', 'specversion', 'type', 'data']
const RESERVED_KEYS = RESERVED.map((name) => Buffer.from(name))

const PARTITION_KEY = Buffer.from('partitionkey')
const TRACEPARENT = Buffer.from('traceparent')

// The range of years that RFC 3339 and google.protobuf.Timestamp can say: 0001 to 9999.
const SECONDS_MIN = -62_135_596_800
const SECONDS_MAX = 253_402_300_799
const NANOS_MAX = 999_999_999

const MALFORMED = 'event: attributes are malformed, wanted io.cloudevents.v1.CloudEventAttributeValue by name'

/**
 * Checks the attributes of one event, entry by entry, and remembers where those
 * are that the mesh uses. One event at a time: `reset`, `scan` each entry, read.
 *
 * A name may come again in a later entry: the last one wins. Within one entry
 * nothing may be repeated or missing: no encoder writes that, and libraries
 * differ in what they make of it.
 */
export class AttributeScanner {
  #entry = new WireReader()
  #value = new WireReader()
  #timestamp = new WireReader()
  #keyStart = 0
  #keyEnd = 0
  #partitionStart = 0
  #partitionEnd = 0
  #traceStart = 0
  #traceEnd = 0

  /** Begins another event. */
  reset(): void {
    this.#partitionStart = 0
    this.#partitionEnd = 0
    this.#traceStart = 0
    this.#traceEnd = 0
  }

  /** Checks one entry: the text of what is wrong with it, or undefined. */
  scan(bytes: Buffer, start: number, end: number): string | undefined {
    const entry = this.#entry
    let valueStart = -1
    let valueEnd = -1
    this.#keyStart = -1
    entry.reset(bytes, start, end)
    while (entry.next()) {
      if (entry.field > EntryField.value) continue
      if (entry.wireType !== WireType.bytes) return MALFORMED
      if (entry.field === EntryField.key) {
        if (this.#keyStart >= 0) return MALFORMED
        this.#keyStart = entry.start
        this.#keyEnd = entry.end
      } else {
        if (valueStart >= 0) return MALFORMED
        valueStart = entry.start
        valueEnd = entry.end
      }
    }
    if (entry.malformed) return MALFORMED
    if (this.#keyStart < 0) return 'event: an attribute has no name'
    if (!isName(bytes, this.#keyStart, this.#keyEnd)) return this.#nameProblem(bytes)
    if (valueStart < 0) return this.#problem(bytes, 'has no value')
    return this.#scanValue(bytes, valueStart, valueEnd)
  }

  /** `partitionkey` of the event; undefined when it has none. */
  partitionKey(bytes: Buffer): string | undefined {
    if (this.#partitionEnd === 0) return undefined
    return bytes.toString('utf8', this.#partitionStart, this.#partitionEnd)
  }

  /** `traceparent` of the event; undefined when it has none. */
  traceparent(bytes: Buffer): string | undefined {
    if (this.#traceEnd === 0) return undefined
    return bytes.toString('utf8', this.#traceStart, this.#traceEnd)
  }

  #scanValue(bytes: Buffer, start: number, end: number): string | undefined {
    const value = this.#value
    let kind = 0
    value.reset(bytes, start, end)
    while (value.next()) {
      const field = value.field
      if (field > ValueField.ceTimestamp) continue
      if (kind !== 0) return this.#problem(bytes, 'has more than one value')
      kind = field
      if (value.wireType !== (field <= ValueField.ceInteger ? WireType.varint : WireType.bytes)) return MALFORMED
      if (field === ValueField.ceTimestamp) {
        if (!this.#isTimestamp(bytes, value.start, value.end)) {
          return this.#problem(bytes, 'is not a time between the years 1 and 9999')
        }
      } else if (field >= ValueField.ceString && field !== ValueField.ceBytes && !value.isText()) {
        return this.#problem(bytes, 'is not UTF-8')
      }
      start = value.start
      end = value.end
    }
    if (value.malformed) return MALFORMED
    if (kind === 0) return this.#problem(bytes, 'has no value')
    return this.#remember(bytes, kind === ValueField.ceString, start, end)
  }

  #remember(bytes: Buffer, isString: boolean, start: number, end: number): string | undefined {
    const keyStart = this.#keyStart
    const keyEnd = this.#keyEnd
    if (isKey(bytes, keyStart, keyEnd, PARTITION_KEY)) {
      if (!isString || start === end) return this.#problem(bytes, 'is not a string with at least one character')
      this.#partitionStart = start
      this.#partitionEnd = end
    } else if (isKey(bytes, keyStart, keyEnd, TRACEPARENT)) {
      if (!isString) return this.#problem(bytes, 'is not a string')
      this.#traceStart = start
      this.#traceEnd = end
    }
    return undefined
  }

  #isTimestamp(bytes: Buffer, start: number, end: number): boolean {
    const timestamp = this.#timestamp
    let seconds = 0
    let nanos = 0
    timestamp.reset(bytes, start, end)
    while (timestamp.next()) {
      if (timestamp.field > TimestampField.nanos) continue
      if (timestamp.wireType !== WireType.varint) return false
      if (timestamp.field === TimestampField.seconds) seconds = timestamp.int64()
      else nanos = timestamp.int64()
    }
    if (timestamp.malformed) return false
    return seconds >= SECONDS_MIN && seconds <= SECONDS_MAX && nanos >= 0 && nanos <= NANOS_MAX
  }

  #problem(bytes: Buffer, problem: string): string {
    return `event: attribute ${quote(bytes.toString('utf8', this.#keyStart, this.#keyEnd))} ${problem}`
  }

  #nameProblem(bytes: Buffer): string {
    return this.#problem(
      bytes,
      `has a name that is not allowed, wanted 1 to ${ATTRIBUTE_NAME_LENGTH_MAX} lower-case letters and digits, not ${RESERVED.join(', ')}`,
    )
  }
}

function isName(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (length === 0 || length > ATTRIBUTE_NAME_LENGTH_MAX) return false
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0
    if (!((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39))) return false
  }
  for (const reserved of RESERVED_KEYS) {
    if (isKey(bytes, start, end, reserved)) return false
  }
  return true
}

function isKey(bytes: Buffer, start: number, end: number, wanted: Buffer): boolean {
  if (end - start !== wanted.length) return false
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[start + index] !== wanted[index]) return false
  }
  return true
}
