import { EntryField, EventField, TimestampField, ValueField } from '../event/fields.ts'
import { WireReader } from '../wire.ts'
import { type EventData, jsonTextOf } from './event-data.ts'
import { parseForExpressions } from './json.ts'

// As in scan.ts: one walk runs to its end before another begins.
const event = new WireReader()
const entry = new WireReader()
const value = new WireReader()
const timestamp = new WireReader()

const CONTEXT_NAMES: ReadonlyMap<number, string> = new Map([
  [EventField.id, 'id'],
  [EventField.source, 'source'],
  [EventField.specVersion, 'specversion'],
  [EventField.type, 'type'],
])

/**
 * What a filter sees of an event that was scanned before, in the types of CEL. Attributes and data are read when they
 * are looked at first; without JSON data of at most `dataBytesMax` a look at `data` fails.
 */
export function variablesOf(
  bytes: Buffer,
  data: EventData | undefined,
  dataBytesMax: number,
): { readonly event: ReadonlyMap<string, unknown>; readonly data: unknown } {
  let attributes: ReadonlyMap<string, unknown> | undefined
  let json: { readonly value: unknown } | undefined
  return {
    get event() {
      attributes ??= attributesOf(bytes)
      return attributes
    },
    get data() {
      if (data === undefined || data.bytes.length > dataBytesMax)
        throw new TypeError('there is no JSON data to look at')
      json ??= { value: parseForExpressions(jsonTextOf(bytes, data)) }
      return json.value
    },
  }
}

function attributesOf(bytes: Buffer): ReadonlyMap<string, unknown> {
  const attributes = new Map<string, unknown>()
  event.reset(bytes, 0, bytes.length)
  while (event.next()) {
    const name = CONTEXT_NAMES.get(event.field)
    if (name !== undefined) attributes.set(name, bytes.toString('utf8', event.start, event.end))
    else if (event.field === EventField.attributes) readEntry(bytes, event.start, event.end, attributes)
  }
  return attributes
}

function readEntry(bytes: Buffer, start: number, end: number, attributes: Map<string, unknown>): void {
  let name = ''
  let content: unknown
  entry.reset(bytes, start, end)
  while (entry.next()) {
    if (entry.field === EntryField.key) name = bytes.toString('latin1', entry.start, entry.end)
    else if (entry.field === EntryField.value) content = valueIn(bytes, entry.start, entry.end)
  }
  attributes.set(name, content)
}

function valueIn(bytes: Buffer, start: number, end: number): unknown {
  let content: unknown
  value.reset(bytes, start, end)
  while (value.next()) {
    switch (value.field) {
      case ValueField.ceBoolean:
        content = value.uint64() !== 0n
        break
      case ValueField.ceInteger:
        content = BigInt(value.int32())
        break
      case ValueField.ceString:
      case ValueField.ceUri:
      case ValueField.ceUriRef:
        content = bytes.toString('utf8', value.start, value.end)
        break
      case ValueField.ceBytes:
        content = new Uint8Array(value.bytes())
        break
      case ValueField.ceTimestamp:
        content = timeIn(bytes, value.start, value.end)
    }
  }
  return content
}

function timeIn(bytes: Buffer, start: number, end: number): Date {
  let seconds = 0
  let nanos = 0
  timestamp.reset(bytes, start, end)
  while (timestamp.next()) {
    if (timestamp.field === TimestampField.seconds) seconds = timestamp.int64()
    else if (timestamp.field === TimestampField.nanos) nanos = timestamp.int64()
  }
  return new Date(seconds * 1_000 + Math.floor(nanos / 1e6))
}
