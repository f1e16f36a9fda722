import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ScannedEvent } from './event/scan.ts'
import { partitionOf } from './partition.ts'

function event(partitionKey: string | undefined, source = '/s', id = '1'): ScannedEvent {
  return { id, source, type: 't', partitionKey, traceparent: undefined, byteLength: 0 }
}

/** FNV-1a 32 as its definition says, on big integers. */
function fnv(bytes: Uint8Array): bigint {
  let hash = 0x811c9dc5n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n
  return hash
}

const wellFormed = fc.string({ unit: 'grapheme' })

describe('partitionOf', () => {
  test('has the published values of FNV-1a 32', () => {
    expect(partitionOf(event('a'), 256)).toBe(0xe40c292c % 256)
    expect(partitionOf(event('foobar'), 256)).toBe(0xbf9cf968 % 256)
    expect(partitionOf(event('foobar'), 7)).toBe(0xbf9cf968 % 7)
  })

  test('hashes the key in UTF-8, or source, a zero byte and id', () => {
    fc.assert(
      fc.property(
        wellFormed,
        wellFormed,
        wellFormed,
        fc.integer({ min: 1, max: 256 }),
        (key, source, id, partitions) => {
          const wanted = (text: string) => Number(fnv(Buffer.from(text)) % BigInt(partitions))
          expect(partitionOf(event(key, source, id), partitions)).toBe(wanted(key))
          expect(partitionOf(event(undefined, source, id), partitions)).toBe(wanted(`${source}\0${id}`))
        },
      ),
    )
  })

  test('spreads keys', () => {
    const counts = new Array<number>(16).fill(0)
    for (let key = 0; key < 16_000; key++) {
      const partition = partitionOf(event(`customer-${key}`), 16)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(200)
  })
})
