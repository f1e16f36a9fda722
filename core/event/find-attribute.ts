import { asBuffer, WireReader, WireType } from '../wire.ts'
import { EntryField, EventField, ValueField } from './fields.ts'

// As in scan.ts: one walk runs to its end before another begins.
const event = new WireReader()
const entry = new WireReader()
const value = new WireReader()

/**
 * The text in an attribute of an event that was scanned before, without decoding the event: the last entry of that name
 * counts. Undefined when the event has no such attribute; null when it is not of type string, or the bytes are malformed.
 */
export function findStringAttribute(bytes: Uint8Array, name: Buffer): string | null | undefined {
  const buffer = asBuffer(bytes)
  let found: string | null | undefined
  event.reset(buffer, 0, buffer.length)
  while (event.next()) {
    if (event.field !== EventField.attributes || event.wireType !== WireType.bytes) continue
    let named = false
    let start = -1
    let end = -1
    entry.reset(buffer, event.start, event.end)
    while (entry.next()) {
      if (entry.field === EntryField.key) {
        named =
          entry.end - entry.start === name.length && buffer.compare(name, 0, name.length, entry.start, entry.end) === 0
      } else if (entry.field === EntryField.value) {
        start = entry.start
        end = entry.end
      }
    }
    if (entry.malformed) return null
    if (named) found = start < 0 ? null : stringIn(buffer, start, end)
  }
  return event.malformed ? null : found
}

function stringIn(bytes: Buffer, start: number, end: number): string | null {
  let text: string | null = null
  value.reset(bytes, start, end)
  while (value.next()) {
    if (value.field > ValueField.ceTimestamp) continue
    if (value.field !== ValueField.ceString || value.wireType !== WireType.bytes || !value.isText()) return null
    text = bytes.toString('utf8', value.start, value.end)
  }
  return value.malformed ? null : text
}
