import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tag, varint } from './testing/wire-soup.ts'
import {
  bytesFieldSize,
  fixed64FieldSize,
  isTextAt,
  varintFieldSize,
  varintSize,
  WireReader,
  WireWriter,
} from './wire.ts'

const fieldNumbers = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2 ** 28 - 1 }))
const numbers = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 35),
)
const uint64s = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

function one(bytes: Uint8Array): WireReader {
  const reader = new WireReader(bytes)
  expect(reader.next()).toBe(true)
  return reader
}

describe('WireReader', () => {
  test('reads what Protobuf-ES writes', () => {
    fc.assert(
      fc.property(fieldNumbers, numbers, uint64s, fc.string({ unit: 'grapheme' }), (field, number, big, text) => {
        const bytes = new BinaryWriter()
          .tag(field, 0)
          .uint64(BigInt(number))
          .tag(field, 0)
          .int64(BigInt.asIntN(64, big))
          .tag(field, 1)
          .fixed64(big)
          .tag(field, 2)
          .string(text)
          .tag(field, 5)
          .fixed32(7)
          .finish()
        const reader = new WireReader(bytes)
        expect([reader.next(), reader.field, reader.wireType, reader.varint()]).toEqual([true, field, 0, number])
        expect([reader.next(), reader.uint64()]).toEqual([true, big])
        expect(reader.int64()).toBe(Number(BigInt.asIntN(64, big)))
        expect([reader.next(), reader.fixed64()]).toEqual([true, big])
        expect([reader.next(), reader.text(), reader.bytes().toString()]).toEqual([true, text, text])
        expect([reader.next(), reader.wireType, reader.next(), reader.malformed]).toEqual([true, 5, false, false])
      }),
    )
  })

  test('stays inside its range', () => {
    const bytes = Buffer.from([0x08, 0x01, 0x08, 0x82, 0x01])
    const inside = new WireReader(bytes, 2, 4)
    expect([inside.next(), inside.malformed]).toEqual([false, true])
    const whole = new WireReader(bytes, 2)
    expect([whole.next(), whole.varint(), whole.next(), whole.malformed]).toEqual([true, 130, false, false])
  })

  test('a fault is final until reset', () => {
    const reader = one(Buffer.concat([tag(1, 0), varint(2n ** 53n), tag(1, 0), varint(1)]))
    expect(reader.varint()).toBe(-1)
    expect([reader.malformed, reader.next()]).toEqual([true, false])
    reader.reset(Buffer.from([0x08, 0x05]), 0, 2)
    expect([reader.next(), reader.varint(), reader.malformed]).toEqual([true, 5, false])
  })

  test.each([
    ['a varint over 2^53 - 1', (reader: WireReader) => reader.varint(), varint(2n ** 53n)],
    ['a uint32 over 2^32 - 1', (reader: WireReader) => reader.uint32(), varint(2n ** 32n)],
  ])('faults at %s', (_what, read, value) => {
    const reader = one(Buffer.concat([tag(1, 0), value]))
    expect([read(reader), reader.malformed]).toEqual([-1, true])
  })

  test('walks noise as Protobuf-ES does, or faults', () => {
    let walked = 0
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        const reader = new WireReader(bytes)
        const fields: unknown[] = []
        while (reader.next()) fields.push([reader.field, reader.wireType, reader.end])
        if (reader.malformed) return
        const oracle = new BinaryReader(bytes)
        const wanted: unknown[] = []
        while (oracle.pos < oracle.len) {
          const [field, wireType] = oracle.tag()
          oracle.skip(wireType, field)
          wanted.push([field, wireType, oracle.pos])
        }
        expect(fields).toEqual(wanted)
        walked++
      }),
      { numRuns: 20_000 },
    )
    expect(walked).toBeGreaterThan(500)
  })
})

describe('WireWriter', () => {
  test('writes what Protobuf-ES writes, in as many bytes as the sizes say', () => {
    const shortFields = fc.integer({ min: 1, max: 2 ** 20 })
    fc.assert(
      fc.property(
        shortFields,
        numbers,
        uint64s,
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        (field, number, big, text) => {
          const length = Buffer.byteLength(text)
          const writer = new WireWriter(
            varintFieldSize(field, number) + fixed64FieldSize(field) + 2 * bytesFieldSize(field, length),
          )
          writer.varint(field, number)
          writer.fixed64(field, big)
          writer.text(field, text)
          writer.bytes(field, Buffer.from(text))
          expect(writer.position).toBe(writer.buffer.length)
          const wanted = new BinaryWriter()
            .tag(field, 0)
            .uint64(BigInt(number))
            .tag(field, 1)
            .fixed64(big)
            .tag(field, 2)
            .string(text)
            .tag(field, 2)
            .string(text)
            .finish()
          expect(writer.buffer.equals(wanted)).toBe(true)
          expect(varintSize(number)).toBe(varint(number).length)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

test('isTextAt agrees with a strict decoder', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }).map((text) => new Uint8Array(Buffer.from(text))),
    fc
      .tuple(fc.nat(120), fc.uint8Array({ maxLength: 3 }))
      .map(([length, end]) => new Uint8Array([...new Array(length).fill(0x61), ...end])),
  )
  fc.assert(
    fc.property(bytes, (text) => {
      const strict = new TextDecoder('utf-8', { fatal: true })
      let wanted = true
      try {
        strict.decode(text)
      } catch {
        wanted = false
      }
      const around = Buffer.concat([Buffer.from([0x80]), text, Buffer.from([0x80])])
      expect(isTextAt(around, 1, 1 + text.length)).toBe(wanted)
    }),
    { numRuns: 2_000 },
  )
})
