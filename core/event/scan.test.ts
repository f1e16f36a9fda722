import { describe, expect, test } from 'vitest'
import { decodeEvent, expectSameReading } from '../testing/oracle.ts'
import { bytesField, tag, varint, varintField } from '../testing/wire-soup.ts'
import { scanEvent } from './scan.ts'

const HEAD = [bytesField(1, 'id-1'), bytesField(2, '/source'), bytesField(3, '1.0'), bytesField(4, 'type')]

function event(...more: Uint8Array[]): Buffer {
  return Buffer.concat([...HEAD, ...more])
}

function entry(key: Uint8Array, value: Uint8Array): Buffer {
  return bytesField(5, Buffer.concat([key, value]))
}

function attribute(name: string, value: Uint8Array): Buffer {
  return entry(bytesField(1, name), bytesField(2, value))
}

function textAttribute(name: string, value: string): Buffer {
  return attribute(name, bytesField(3, value))
}

function timeAttribute(seconds: bigint, nanos: number): Buffer {
  return attribute('time', bytesField(7, Buffer.concat([varintField(1, seconds), varintField(2, nanos)])))
}

describe('scanEvent accepts, with the last of repeated things winning', () => {
  const PLAIN = { id: 'id-1', source: '/source', type: 'type', partitionKey: undefined, traceparent: undefined }
  const cases: readonly [what: string, bytes: Buffer, wanted: object][] = [
    ['the least', event(), {}],
    ['a second id', event(bytesField(1, 'id-2')), { id: 'id-2' }],
    ['a second source', event(bytesField(2, '/other')), { source: '/other' }],
    ['a second type', event(bytesField(4, 'other')), { type: 'other' }],
    ['an empty id before the real one', Buffer.concat([bytesField(1, ''), ...HEAD]), {}],
    ['another spec_version before the real one', Buffer.concat([bytesField(3, '0.3'), ...HEAD]), {}],
    ['fields in any order', Buffer.concat([textAttribute('partitionkey', 'k'), ...HEAD]), { partitionKey: 'k' }],
    [
      'a repeated name',
      event(textAttribute('partitionkey', 'a'), textAttribute('partitionkey', 'b')),
      { partitionKey: 'b' },
    ],
    [
      'a value before its name',
      event(entry(bytesField(2, bytesField(3, 'k')), bytesField(1, 'partitionkey'))),
      { partitionKey: 'k' },
    ],
    ['the trace context', event(textAttribute('traceparent', '00-1-2-01')), { traceparent: '00-1-2-01' }],
    ['text beyond ASCII', event(bytesField(1, 'é漢\u{1f600}')), { id: 'é漢\u{1f600}' }],
    ['a byte-order mark, which is text', event(bytesField(1, '\ufeffx')), { id: '\ufeffx' }],
    ['padded varints', event(bytesField(1, 'padded', 3)), { id: 'padded' }],
    [
      'an unknown field of every kind',
      event(
        varintField(99, 2n ** 64n - 1n),
        bytesField(99, 'x'),
        tag(99, 1),
        Buffer.alloc(8),
        tag(99, 5),
        Buffer.alloc(4),
      ),
      {},
    ],
    [
      'an unknown field in an entry',
      event(bytesField(5, Buffer.concat([bytesField(1, 'a'), bytesField(9, 'x'), bytesField(2, bytesField(3, 'v'))]))),
      {},
    ],
    ['a time', event(timeAttribute(1_763_708_652n, 5)), {}],
    [
      'the first and the last time there is',
      event(timeAttribute(-62_135_596_800n, 0), timeAttribute(253_402_300_799n, 999_999_999)),
      {},
    ],
    [
      'attributes that the mesh will set',
      event(textAttribute('lborigin', 'x'), textAttribute('authid', 'x'), textAttribute('lbretryof', 'x')),
      {},
    ],
    [
      'a payload of each kind',
      event(
        bytesField(6, Buffer.from([0xff])),
        bytesField(7, '{}'),
        bytesField(8, bytesField(1, 'type.example.com/x')),
      ),
      {},
    ],
    ['a name of 64 characters', event(textAttribute('a'.repeat(64), '')), {}],
  ]
  test.each(cases)('%s', (_what, bytes, wanted) => {
    expect(scanEvent(bytes).value).toEqual({ ...PLAIN, byteLength: bytes.length, ...wanted })
    expect(expectSameReading(bytes)).toBe(true)
  })
})

describe('scanEvent refuses, saying what is wrong', () => {
  const cases: readonly [what: string, bytes: Buffer, wanted: string][] = [
    ['nothing', Buffer.alloc(0), 'id is missing or empty'],
    ['no source', Buffer.concat([bytesField(1, 'x'), bytesField(3, '1.0'), bytesField(4, 't')]), 'source is missing'],
    ['no type', Buffer.concat([bytesField(1, 'x'), bytesField(2, 's'), bytesField(3, '1.0')]), 'type is missing'],
    ['an id emptied at last', event(bytesField(1, '')), 'id is missing or empty'],
    ['another version at last', event(bytesField(3, '0.3')), 'spec_version is not "1.0"'],
    ['an id that is not UTF-8', event(bytesField(1, Buffer.from([0xc3]))), 'id is not UTF-8'],
    [
      'an overwritten id that is not UTF-8',
      Buffer.concat([bytesField(1, Buffer.from([0xff])), ...HEAD]),
      'id is not UTF-8',
    ],
    ['a surrogate in UTF-8', event(bytesField(2, Buffer.from([0xed, 0xa0, 0x80]))), 'source is not UTF-8'],
    ['a long text_data that is not UTF-8', event(bytesField(7, Buffer.alloc(500, 0xfe))), 'textData is not UTF-8'],
    ['a type URL that is not UTF-8', event(bytesField(8, bytesField(1, Buffer.from([0xff])))), 'malformed'],
    ['a group', event(tag(20, 3), tag(20, 4)), 'malformed'],
    ['field number 0', event(Buffer.from([0x02, 0x00])), 'malformed'],
    ['wire type 6', event(tag(20, 6)), 'malformed'],
    ['a varint for an id', event(varintField(1, 5)), 'malformed'],
    ['a length over the end', event(Buffer.from([0x0a, 5, 0x61])), 'malformed'],
    ['a tag without a length', event(Buffer.from([0x0a])), 'malformed'],
    ['a length of 4 GiB', event(tag(1, 2), varint(0xffffffff)), 'malformed'],
    ['a length of 4 GiB and one byte', event(tag(1, 2), varint(0x1_0000_0001n), Buffer.from('a')), 'malformed'],
    ['a tag over 32 bits', event(varint((2n ** 32n) | 0x0an), Buffer.from([0])), 'malformed'],
    ['a varint that never ends', event(tag(20, 0), Buffer.alloc(40, 0x80)), 'malformed'],
    ['a varint over 64 bits', event(tag(20, 0), Buffer.alloc(9, 0x80), Buffer.from([0x02])), 'malformed'],
    ['a truncated fixed64', event(tag(20, 1), Buffer.alloc(7)), 'malformed'],
    ['an entry that reaches over its end', event(bytesField(5, Buffer.from([0x0a, 9, 0x61]))), 'malformed'],
    ['an entry without a name', event(bytesField(5, bytesField(2, bytesField(3, 'v')))), 'an attribute has no name'],
    ['an entry without a value', event(bytesField(5, bytesField(1, 'a'))), 'attribute "a" has no value'],
    ['an empty value', event(attribute('a', Buffer.alloc(0))), 'attribute "a" has no value'],
    [
      'two values',
      event(attribute('a', Buffer.concat([bytesField(3, 'x'), bytesField(3, 'y')]))),
      'more than one value',
    ],
    [
      'two values in pieces',
      event(
        bytesField(
          5,
          Buffer.concat([bytesField(1, 'a'), bytesField(2, bytesField(3, 'x')), bytesField(2, Buffer.alloc(0))]),
        ),
      ),
      'malformed',
    ],
    [
      'two names',
      event(bytesField(5, Buffer.concat([bytesField(1, 'a'), bytesField(1, 'b'), bytesField(2, bytesField(3, 'x'))]))),
      'malformed',
    ],
    ['an upper-case name', event(textAttribute('Trace', 'x')), 'attribute "Trace" has a name that is not allowed'],
    ['a name of 65 characters', event(textAttribute('a'.repeat(65), 'x')), 'a name that is not allowed'],
    [
      'an attribute that reads as the id in JSON',
      event(textAttribute('id', 'other')),
      'attribute "id" has a name that is not allowed',
    ],
    ['an attribute that reads as the version', event(textAttribute('specversion', '9')), 'a name that is not allowed'],
    [
      'an attribute that is not UTF-8',
      event(attribute('a', bytesField(5, Buffer.from([0x80])))),
      'attribute "a" is not UTF-8',
    ],
    [
      'a partition key that is a number',
      event(attribute('partitionkey', varintField(2, 5))),
      'attribute "partitionkey" is not a string',
    ],
    [
      'an empty partition key',
      event(textAttribute('partitionkey', '')),
      'attribute "partitionkey" is not a string with',
    ],
    [
      'a trace context that is bytes',
      event(attribute('traceparent', bytesField(4, 'x'))),
      'attribute "traceparent" is not a string',
    ],
    ['a second too late', event(timeAttribute(253_402_300_800n, 0)), 'attribute "time" is not a time'],
    ['a second too early', event(timeAttribute(-62_135_596_801n, 0)), 'attribute "time" is not a time'],
    ['too many nanoseconds', event(timeAttribute(0n, 1_000_000_000)), 'attribute "time" is not a time'],
    ['negative nanoseconds', event(timeAttribute(0n, -1)), 'attribute "time" is not a time'],
  ]
  test.each(cases)('%s', (_what, bytes, wanted) => {
    const { error } = scanEvent(bytes)
    expect(error?.code).toBe('invalid_argument')
    expect(error?.message).toContain(wanted)
  })

  test('every truncation that ends inside a field', () => {
    const bytes = event(textAttribute('a', 'value'), bytesField(6, 'payload'))
    let length = 0
    const ends = new Set<number>()
    for (const part of [...HEAD, textAttribute('a', 'value'), bytesField(6, 'payload')]) {
      ends.add(length)
      length += part.length
    }
    for (let cut = 0; cut < bytes.length; cut++) {
      if (!ends.has(cut)) expect(scanEvent(bytes.subarray(0, cut)).error?.message).toMatch(/malformed/)
    }
  })

  test('what hides an appended attribute: a last field whose length takes it in', () => {
    const open = event(Buffer.from([0x32, 40]))
    expect(decodeEvent(Buffer.concat([open, Buffer.alloc(40)]))).toBeDefined()
    expect(scanEvent(open).error?.message).toContain('malformed')
  })
})
