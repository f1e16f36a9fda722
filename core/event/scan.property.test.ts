import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cloudEvents } from '../testing/cloud-events.ts'
import { expectSameReading } from '../testing/oracle.ts'
import { Random } from '../testing/random.ts'
import { eventSoup } from '../testing/wire-soup.ts'
import { scanEvent } from './scan.ts'

const codec = messageCodec(CloudEventSchema)

describe('scanEvent beside Protobuf-ES', () => {
  test('accepts what an honest encoder writes and reads the same', () => {
    fc.assert(
      fc.property(cloudEvents, (event) => {
        const bytes = codec.serialize(event)
        expect(scanEvent(bytes).error).toBeUndefined()
        expect(expectSameReading(bytes)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('reads soup the same way or refuses it', () => {
    let accepted = 0
    fc.assert(
      fc.property(eventSoup, (bytes) => {
        if (expectSameReading(bytes)) accepted++
      }),
      { numRuns: 5_000 },
    )
    // The comparison would say nothing if hardly any soup passed, or all of it.
    expect(accepted).toBeGreaterThan(1_000)
    expect(accepted).toBeLessThan(4_500)
  })

  test('reads a view into a larger buffer, and a Uint8Array, as it reads the bytes alone', () => {
    fc.assert(
      fc.property(eventSoup, fc.nat(20), (bytes, offset) => {
        const around = new Uint8Array(offset + bytes.length + 7).fill(0x0a)
        around.set(bytes, offset)
        const view = around.subarray(offset, offset + bytes.length)
        const alone = scanEvent(bytes)
        expect(scanEvent(view).value).toEqual(alone.value)
        expect(scanEvent(view).error?.message).toBe(alone.error?.message)
      }),
      { numRuns: 500 },
    )
  })
})

describe('scanEvent on noise', () => {
  const seed = Number(process.env.FUZZ_SEED ?? 20_260_101)

  test(`random bytes (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let round = 0; round < 20_000; round++) expectSameReading(random.bytes(random.below(64)))
  })

  test(`mutated events (seed ${seed})`, () => {
    const random = new Random(seed)
    const corpus = fc.sample(cloudEvents, { seed, numRuns: 100 }).map((event) => codec.serialize(event))
    let accepted = 0
    for (let round = 0; round < 20_000; round++) {
      const bytes = random.mutate(corpus[random.below(corpus.length)] ?? Buffer.alloc(0))
      if (expectSameReading(bytes)) accepted++
    }
    expect(accepted).toBeGreaterThan(500)
  })
})
