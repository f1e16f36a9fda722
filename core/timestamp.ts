import { TimestampField } from './event/fields.ts'
import { varintFieldSize, type WireReader, WireType, WireWriter } from './wire.ts'

/** An encoded `google.protobuf.Timestamp`. `epochMs`: milliseconds since 1970, 0 or more; what is less than one is cut off. */
export function encodeTimestamp(epochMs: number): Buffer {
  const seconds = Math.floor(epochMs / 1_000)
  const nanos = Math.trunc(epochMs % 1_000) * 1_000_000
  const writer = new WireWriter(
    (seconds === 0 ? 0 : varintFieldSize(TimestampField.seconds, seconds)) +
      (nanos === 0 ? 0 : varintFieldSize(TimestampField.nanos, nanos)),
  )
  if (seconds !== 0) writer.varint(TimestampField.seconds, seconds)
  if (nanos !== 0) writer.varint(TimestampField.nanos, nanos)
  return writer.buffer
}

/** A `google.protobuf.Timestamp` that may come in pieces: what a later one says counts. */
export class TimestampFields {
  #seconds = 0
  #nanos = 0

  /** Milliseconds since 1970, fractions included; any number that a client can send. */
  get epochMs(): number {
    return this.#seconds * 1_000 + this.#nanos / 1_000_000
  }

  /** Reads one piece, to the end of what `reader` walks; false when it is malformed. */
  read(reader: WireReader): boolean {
    while (reader.next()) {
      if (reader.field === TimestampField.seconds && reader.expect(WireType.varint)) this.#seconds = reader.int64()
      else if (reader.field === TimestampField.nanos && reader.expect(WireType.varint)) this.#nanos = reader.int32()
    }
    return !reader.malformed
  }
}
