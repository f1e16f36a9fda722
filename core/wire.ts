import { isUtf8 } from 'node:buffer'

/** How a field is written in the Protobuf wire format. Groups (3 and 4) are refused everywhere. */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Longest text that a byte loop checks faster than a call into native code, in bytes. */
const LOOP_LENGTH_MAX = 96

/**
 * Walks the fields of one encoded Protobuf message without decoding it.
 *
 * 1. No input throws, loops or reads outside the given range: `next()` answers
 *    false at the end and at the first fault, and then `malformed` tells which.
 * 2. What it accepts, every Protobuf library reads as the same fields. What
 *    libraries read differently is a fault: groups, field number 0, tags and
 *    lengths that need more than 32 bits, varints over 64 bits, values that
 *    reach over the end.
 * 3. `reset` makes it walk another message, so a hot path allocates none.
 */
export class WireReader {
  /** True after the walk met a fault. */
  malformed = false
  /** Number of the current field. */
  field = 0
  /** Wire type of the current field. */
  wireType = 0
  /** Where the value of the current field begins (after the length, for bytes). */
  start = 0
  /** Where the value of the current field ends. */
  end = 0

  #bytes: Buffer
  #position: number
  #limit: number

  /** Walks `bytes` from `start` (default 0) to `end` (default its length). */
  constructor(bytes: Uint8Array = EMPTY, start = 0, end = bytes.length) {
    this.#bytes = asBuffer(bytes)
    this.#position = start
    this.#limit = end
  }

  /** Begins again with another message. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes
    this.#position = start
    this.#limit = end
    this.malformed = false
  }

  /** Goes to the next field; false at the end and at a fault. */
  next(): boolean {
    const bytes = this.#bytes
    const limit = this.#limit
    if (this.#position >= limit || this.malformed) return false
    let tag = bytes[this.#position++] ?? 0
    if (tag > 0x7f) tag = this.#longUint32(tag)
    this.field = tag >>> 3
    this.wireType = tag & 7
    if (this.malformed || this.field === 0) return this.#fault()
    if (this.wireType === WireType.bytes) {
      if (this.#position >= limit) return this.#fault()
      let length = bytes[this.#position++] ?? 0
      if (length > 0x7f) length = this.#longUint32(length)
      return !this.malformed && this.#take(length)
    }
    if (this.wireType === WireType.varint) return this.#takeVarint()
    if (this.wireType === WireType.fixed64) return this.#take(8)
    if (this.wireType === WireType.fixed32) return this.#take(4)
    return this.#fault()
  }

  /**
   * True when the current field has this wire type; otherwise the message is
   * malformed from here on, because libraries differ in what they make of a
   * known field with a foreign wire type.
   */
  expect(wireType: number): boolean {
    return this.wireType === wireType || this.#fault()
  }

  /** The current varint as a number; -1 and a fault when it exceeds 2^53 - 1. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let index = this.start; index < this.end; index++) {
      value += ((this.#bytes[index] ?? 0) & 0x7f) * scale
      scale *= 128
    }
    if (value <= Number.MAX_SAFE_INTEGER) return value
    this.#fault()
    return -1
  }

  /** The current varint as a 32-bit number; -1 and a fault when it exceeds 2^32 - 1. */
  uint32(): number {
    const value = this.varint()
    if (value <= 0xffffffff) return value
    this.#fault()
    return -1
  }

  /** The current varint as an unsigned 64-bit number. */
  uint64(): bigint {
    let value = 0n
    let shift = 0n
    for (let index = this.start; index < this.end; index++) {
      value |= BigInt((this.#bytes[index] ?? 0) & 0x7f) << shift
      shift += 7n
    }
    return value
  }

  /** The current varint as a signed 64-bit number (int64), rounded to the nearest double beyond 2^53. */
  int64(): number {
    return this.end - this.start < 8 ? this.varint() : Number(BigInt.asIntN(64, this.uint64()))
  }

  /** The current varint as a signed 32-bit number (int32), which is sent as an int64: its lower half counts. */
  int32(): number {
    return this.end - this.start < 8 ? this.varint() | 0 : Number(BigInt.asIntN(32, this.uint64()))
  }

  /** The current fixed64 value. */
  fixed64(): bigint {
    return this.#bytes.readBigUInt64LE(this.start)
  }

  /** The current bytes: a view, not a copy. */
  bytes(): Buffer {
    return this.#bytes.subarray(this.start, this.end)
  }

  /** The current bytes as text; empty and a fault when they are not UTF-8. */
  text(): string {
    if (this.isText()) return this.#bytes.toString('utf8', this.start, this.end)
    this.#fault()
    return ''
  }

  /** True when the current bytes are UTF-8. */
  isText(): boolean {
    return isTextAt(this.#bytes, this.start, this.end)
  }

  #take(length: number): boolean {
    if (length > this.#limit - this.#position) return this.#fault()
    this.start = this.#position
    this.#position += length
    this.end = this.#position
    return true
  }

  #takeVarint(): boolean {
    const bytes = this.#bytes
    const last = Math.min(this.#limit, this.#position + 10)
    this.start = this.#position
    for (let index = this.#position; index < last; index++) {
      const byte = bytes[index] ?? 0
      if (byte > 0x7f) continue
      // The tenth byte holds the 64th bit and no more.
      if (index - this.start === 9 && byte > 1) return this.#fault()
      this.end = index + 1
      this.#position = this.end
      return true
    }
    return this.#fault()
  }

  /** The rest of a 32-bit varint whose first byte (over 0x7f) was read. */
  #longUint32(first: number): number {
    let value = first & 0x7f
    for (let shift = 7; shift <= 28 && this.#position < this.#limit; shift += 7) {
      const byte = this.#bytes[this.#position++] ?? 0
      if (shift === 28 && byte > 0x0f) break
      value = (value | ((byte & 0x7f) << shift)) >>> 0
      if (byte <= 0x7f) return value
    }
    this.#fault()
    return 0
  }

  #fault(): false {
    this.malformed = true
    return false
  }
}

/**
 * Writes Protobuf fields into a buffer whose size was computed before with the
 * `*Size` functions. Zero values are written when asked for: leave them out for
 * fields without presence.
 */
export class WireWriter {
  /** What is written to: exactly as long as the caller said. */
  readonly buffer: Buffer
  /** Where the next byte goes. */
  position = 0

  /** `byteLength`: bytes of the whole message. */
  constructor(byteLength: number) {
    this.buffer = Buffer.allocUnsafe(byteLength)
  }

  /** An unsigned varint up to 2^53 - 1. */
  varint(field: number, value: number): void {
    this.#raw((field << 3) | WireType.varint)
    this.#raw(value)
  }

  /** A fixed64 value. */
  fixed64(field: number, value: bigint): void {
    this.#raw((field << 3) | WireType.fixed64)
    this.position = this.buffer.writeBigUInt64LE(value, this.position)
  }

  /** Begins a message of `byteLength` bytes: the caller writes its fields next. */
  message(field: number, byteLength: number): void {
    this.#raw((field << 3) | WireType.bytes)
    this.#raw(byteLength)
  }

  /** Bytes, or an encoded message. */
  bytes(field: number, value: Uint8Array): void {
    this.message(field, value.length)
    this.buffer.set(value, this.position)
    this.position += value.length
  }

  /** Text. */
  text(field: number, value: string): void {
    this.message(field, Buffer.byteLength(value))
    this.position += this.buffer.write(value, this.position)
  }

  #raw(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.buffer[this.position++] = rest > 0x7fffffff ? (rest % 128) | 0x80 : (rest & 0x7f) | 0x80
      rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7
    }
    this.buffer[this.position++] = rest
  }
}

/** Bytes of an unsigned varint up to 2^53 - 1. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  let size = 4
  for (let rest = Math.floor(value / 0x10000000); rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Bytes of a varint field, tag included. */
export function varintFieldSize(field: number, value: number): number {
  return varintSize(field << 3) + varintSize(value)
}

/** Bytes of a fixed64 field, tag included. */
export function fixed64FieldSize(field: number): number {
  return varintSize(field << 3) + 8
}

/** Bytes of a field that holds `byteLength` bytes, tag and length included. */
export function bytesFieldSize(field: number, byteLength: number): number {
  return varintSize(field << 3) + varintSize(byteLength) + byteLength
}

/** True when the bytes from `start` to `end` are UTF-8. */
export function isTextAt(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > LOOP_LENGTH_MAX) return isUtf8(bytes.subarray(start, end))
  for (let index = start; index < end; index++) {
    if ((bytes[index] ?? 0) > 0x7f) return isUtf8(bytes.subarray(index, end))
  }
  return true
}

/** The same bytes as a `Buffer`, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const EMPTY = Buffer.alloc(0)
