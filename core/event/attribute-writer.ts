import { encodeTimestamp } from '../timestamp.ts'
import { bytesFieldSize, WireWriter } from '../wire.ts'
import { EntryField, EventField, ValueField } from './fields.ts'

/**
 * One attribute of type string as an encoded entry of `CloudEvent.attributes`:
 * appended to an event it sets the attribute, whatever the event said before.
 */
export function encodeStringAttribute(name: string, value: string): Uint8Array {
  const length = Buffer.byteLength(value)
  const writer = beginAttribute(name, bytesFieldSize(ValueField.ceString, length))
  writer.text(ValueField.ceString, value)
  return writer.buffer
}

/** One attribute of type timestamp, like `encodeStringAttribute`. `epochMs`: milliseconds from 1970 to the year 9999. */
export function encodeTimestampAttribute(name: string, epochMs: number): Uint8Array {
  if (!(epochMs >= 0 && epochMs < 253_402_300_800_000)) {
    throw new RangeError(`timestamp attribute ${name}: is ${epochMs}, wanted milliseconds from 1970 to the year 9999`)
  }
  const timestamp = encodeTimestamp(epochMs)
  const writer = beginAttribute(name, bytesFieldSize(ValueField.ceTimestamp, timestamp.length))
  writer.bytes(ValueField.ceTimestamp, timestamp)
  return writer.buffer
}

/** The event with encoded attributes behind it: Protobuf merges them, and the last of a name wins. */
export function appendAttributes(event: Uint8Array, suffix: Uint8Array): Uint8Array {
  const stamped = Buffer.allocUnsafe(event.length + suffix.length)
  stamped.set(event, 0)
  stamped.set(suffix, event.length)
  return stamped
}

/** Writes an entry up to its value's fields, which take `valueLength` bytes and are written next. */
function beginAttribute(name: string, valueLength: number): WireWriter {
  const entryLength =
    bytesFieldSize(EntryField.key, Buffer.byteLength(name)) + bytesFieldSize(EntryField.value, valueLength)
  const writer = new WireWriter(bytesFieldSize(EventField.attributes, entryLength))
  writer.message(EventField.attributes, entryLength)
  writer.text(EntryField.key, name)
  writer.message(EntryField.value, valueLength)
  return writer
}
