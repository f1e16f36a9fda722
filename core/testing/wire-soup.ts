import fc from 'fast-check'

/** A varint, with `padding` needless bytes that decoders must read all the same (or refuse). */
export function varint(value: bigint | number, padding = 0): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  } while (rest > 0n)
  for (let index = 0; index < padding; index++) bytes.push(0x80)
  bytes.push((bytes.pop() ?? 0) & 0x7f)
  return Buffer.from(bytes)
}

/** The tag of a field. */
export function tag(field: number, wireType: number, padding = 0): Buffer {
  return varint((field << 3) | wireType, padding)
}

/** A field that holds bytes, with as much padding in its tag and its length. */
export function bytesField(field: number, value: Uint8Array | string, padding = 0): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([tag(field, 2, padding), varint(bytes.length, padding), bytes])
}

/** A varint field. */
export function varintField(field: number, value: bigint | number, padding = 0): Buffer {
  return Buffer.concat([tag(field, 0), varint(value, padding)])
}

const padding = fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ max: 11 }) })
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'acme', '/orders', 'é', '漢字', '\u{1f600}', '\ufeffx', '') },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed()) },
  { weight: 1, arbitrary: fc.string({ minLength: 90, maxLength: 200 }) },
)
const textBytes = fc.oneof(
  { weight: 30, arbitrary: text.map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((value) => Buffer.from(value)) },
)
const number = fc.oneof(fc.bigInt({ min: -5n, max: 300n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }))

/** A field that no message of ours has, or one in a wire type that it does not have; seldom a group. */
const stranger = fc.oneof(
  fc
    .tuple(fc.integer({ min: 9, max: 300 }), number, padding)
    .map(([field, value, pad]) => varintField(field, value, pad)),
  fc
    .tuple(fc.integer({ min: 9, max: 40 }), textBytes, padding)
    .map(([field, value, pad]) => bytesField(field, value, pad)),
  fc.integer({ min: 9, max: 40 }).map((field) => Buffer.concat([tag(field, 1), Buffer.alloc(8, field)])),
  fc.integer({ min: 9, max: 40 }).map((field) => Buffer.concat([tag(field, 5), Buffer.alloc(4, field)])),
)
const wrong = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 7 })).map(([field, type]) => tag(field, type)),
  fc.integer({ min: 1, max: 20 }).map((field) => Buffer.concat([tag(field, 3), varintField(1, 1), tag(field, 4)])),
  fc.tuple(fc.integer({ min: 1, max: 9 }), number).map(([field, value]) => varintField(field, value)),
)

const timestamp = pieces(
  fc.tuple(fc.constantFrom(1, 2), number, padding).map(([field, value, pad]) => varintField(field, value, pad)),
  2,
)
const value = pieces(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constantFrom(3, 3, 4, 5, 6), textBytes, padding).map((of) => bytesField(...of)),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(1, 2), number, padding).map((of) => varintField(...of)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant(7), timestamp, padding).map((of) => bytesField(...of)) },
  ),
  1,
)
const key = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('partitionkey', 'traceparent', 'a', 'b', 'lborigin', 'authid', 'time') },
  { weight: 1, arbitrary: fc.constantFrom('id', 'Upper', '__proto__', '', 'a'.repeat(65), 'specversion') },
)
const entry = fc
  .tuple(
    fc.tuple(fc.constant(1), key, padding).map((of) => bytesField(...of)),
    fc.tuple(fc.constant(2), value, padding).map((of) => bytesField(...of)),
    fc.option(fc.oneof(stranger, wrong), { freq: 25 }),
    fc.integer({ max: 30 }),
  )
  .map(([name, content, odd, order]) => {
    if (order === 0) return name
    if (order === 1) return content
    if (order === 2) return Buffer.concat([name, content, content])
    if (order === 3) return Buffer.concat([name, name, content])
    const parts = order % 2 === 0 ? [name, content] : [content, name]
    return Buffer.concat(odd === null ? parts : [...parts, odd])
  })
const anyMessage = pieces(
  fc.tuple(fc.constantFrom(1, 2), textBytes, padding).map(([field, bytes, pad]) => bytesField(field, bytes, pad)),
  2,
)

/** What an honest encoder starts with, so that much of the soup is a whole event. */
const honest = fc
  .tuple(text, text, text)
  .map(([id, source, type]) => [
    bytesField(1, `${id}1`),
    bytesField(2, `${source}2`),
    bytesField(3, '1.0'),
    bytesField(4, `${type}3`),
  ])

const chaos = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(1, 2, 4, 6, 7), textBytes, padding).map((of) => bytesField(...of)) },
  { weight: 1, arbitrary: fc.constantFrom('1.0', '1.0', '0.3', '1.0 ').map((version) => bytesField(3, version)) },
  { weight: 16, arbitrary: fc.tuple(fc.constant(5), entry, padding).map((of) => bytesField(...of)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant(8), anyMessage, padding).map((of) => bytesField(...of)) },
  { weight: 4, arbitrary: stranger },
  { weight: 1, arbitrary: wrong },
)

/**
 * Encoded events as a hostile or odd client could write them: repeated fields
 * and map keys, split messages, values before keys, unknown fields, groups,
 * padded varints, text that is not UTF-8, truncation.
 */
export const eventSoup: fc.Arbitrary<Buffer> = fc
  .tuple(
    honest,
    fc.array(chaos, { maxLength: 6 }),
    fc.boolean(),
    fc.option(fc.integer({ min: 0, max: 400 }), { freq: 12 }),
  )
  .map(([head, tail, headFirst, cut]) => {
    const bytes = Buffer.concat(headFirst ? [...head, ...tail] : [...tail, ...head])
    return cut === null ? bytes : bytes.subarray(0, cut)
  })

/** A message of usually `usual` pieces, at times of none or more. */
function pieces(piece: fc.Arbitrary<Buffer>, usual: number): fc.Arbitrary<Buffer> {
  const some = fc.array(piece, { minLength: usual, maxLength: usual })
  const odd = fc.array(fc.oneof(piece, piece, piece, stranger, wrong), { maxLength: usual + 2 })
  return fc.oneof({ weight: 8, arbitrary: some }, { weight: 1, arbitrary: odd }).map((parts) => Buffer.concat(parts))
}
