import { create } from '@bufbuild/protobuf'
import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { MeshError } from '../errors.ts'
import { scanAttributes } from './attributes.ts'

const codec = messageCodec(CloudEventSchema)

function timestamp(seconds: bigint, nanos: number) {
  return { attr: { case: 'ceTimestamp' as const, value: { seconds, nanos } } }
}

test('writes each type as CloudEvents does', () => {
  const bytes = codec.serialize(
    create(CloudEventSchema, {
      id: '1',
      source: '/s',
      specVersion: '1.0',
      type: 't',
      attributes: {
        bool: { attr: { case: 'ceBoolean', value: true } },
        integer: { attr: { case: 'ceInteger', value: -7 } },
        bytes: { attr: { case: 'ceBytes', value: new Uint8Array([255, 0]) } },
        uri: { attr: { case: 'ceUri', value: 'https://example.com' } },
        text: { attr: { case: 'ceString', value: 'é' } },
        milli: timestamp(1_763_708_652n, 120_000_000),
        micro: timestamp(1_763_708_652n, 120_001_000),
        nano: timestamp(1_763_708_652n, 999_999_999),
        early: timestamp(-1n, 0),
      },
    }),
  )
  expect(Object.fromEntries(scanAttributes(bytes))).toEqual({
    id: '1',
    source: '/s',
    specversion: '1.0',
    type: 't',
    bool: 'true',
    integer: '-7',
    bytes: '/wA=',
    uri: 'https://example.com',
    text: 'é',
    milli: '2025-11-21T07:04:12.120Z',
    micro: '2025-11-21T07:04:12.120001Z',
    nano: '2025-11-21T07:04:12.999999999Z',
    early: '1969-12-31T23:59:59.000Z',
  })
})

test('throws invalid_argument for what is no event', () => {
  expect(() => scanAttributes(Buffer.from([0x0a, 9]))).toThrow(MeshError)
})
