import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatHybridTime, HybridClock } from '../clock.ts'
import { cloudEvents } from '../testing/cloud-events.ts'
import { decodeEvent, stringAttribute } from '../testing/oracle.ts'
import { appendAttributes, encodeStringAttribute, encodeTimestampAttribute } from './attribute-writer.ts'
import { scanAttributes } from './attributes.ts'
import { scanEvent } from './scan.ts'
import { EventStamper, MeshAttribute } from './stamper.ts'

const codec = messageCodec(CloudEventSchema)
const wellFormed = fc.string({ unit: 'grapheme', maxLength: 200 })
const anyMs = fc.integer({ min: 0, max: 253_402_300_799_999 })

describe('attributes on the wire', () => {
  test('are what Protobuf-ES reads, and win over the event that they follow', () => {
    fc.assert(
      fc.property(cloudEvents, wellFormed, anyMs, wellFormed, (event, name, ms, value) => {
        const suffix = Buffer.concat([encodeTimestampAttribute(name, ms), encodeStringAttribute('lborigin', value)])
        const decoded = decodeEvent(appendAttributes(codec.serialize(event), suffix))
        expect(decoded?.attributes[name]?.attr).toMatchObject({
          case: 'ceTimestamp',
          value: { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 },
        })
        expect(decoded && stringAttribute(decoded, 'lborigin')).toBe(value)
      }),
    )
  })

  test('are as short as Protobuf-ES writes them', () => {
    fc.assert(
      fc.property(anyMs, wellFormed, (ms, value) => {
        const event = Buffer.concat([encodeTimestampAttribute('time', ms), encodeStringAttribute('a', value)])
        const decoded = decodeEvent(event)
        expect(decoded && codec.serialize(decoded).length).toBe(event.length)
      }),
    )
  })

  test('do not take times that the format cannot say', () => {
    for (const ms of [-1, 253_402_300_800_000, Number.NaN]) {
      expect(() => encodeTimestampAttribute('time', ms)).toThrow(RangeError)
    }
  })
})

describe('EventStamper', () => {
  const options = { region: 'us-east', authType: 'service_account', authId: 'spiffe://é/orders' }

  test('sets every attribute of the mesh and changes nothing else', () => {
    fc.assert(
      fc.property(cloudEvents, fc.integer({ min: 0, max: 9_999_999_999_999 }), wellFormed, (event, nowMs, retryOf) => {
        const stamper = new EventStamper({ ...options, clock: new HybridClock(() => nowMs) })
        const sent = codec.serialize(event)
        const stamped = stamper.stamp(sent, encodeStringAttribute('lbretryof', retryOf))
        const attributes = new Map(scanAttributes(stamped))
        expect(attributes.get(MeshAttribute.origin)).toBe('us-east')
        expect(attributes.get(MeshAttribute.authType)).toBe('service_account')
        expect(attributes.get(MeshAttribute.authId)).toBe('spiffe://é/orders')
        expect(attributes.get(MeshAttribute.recordedTime)).toBe(new Date(nowMs).toISOString())
        expect(attributes.get('lbretryof')).toBe(retryOf)
        const names = [...Object.values(MeshAttribute), 'lbretryof']
        const before = [...scanAttributes(sent)].filter(([name]) => !names.includes(name))
        for (const name of names) attributes.delete(name)
        expect([...attributes].sort()).toEqual(before.sort())
        expect(decodeEvent(stamped)?.data).toEqual(event.data)
        expect(scanEvent(stamped).value).toEqual({ ...scanEvent(sent).value, byteLength: stamped.length })
      }),
    )
  })

  test('wins over attributes that a client forged', () => {
    const forged = Buffer.concat([
      ...Object.values(MeshAttribute).map((name) => encodeStringAttribute(name, 'forged')),
      codec.serialize(fc.sample(cloudEvents, { seed: 1, numRuns: 1 })[0] ?? expect.fail()),
      ...Object.values(MeshAttribute).map((name) => encodeStringAttribute(name, 'forged')),
    ])
    const stamped = new EventStamper({ ...options, clock: new HybridClock(() => 1) }).stamp(forged)
    const attributes = scanAttributes(stamped)
    for (const name of Object.values(MeshAttribute)) expect(attributes.get(name)).not.toBe('forged')
  })

  test('writes the time of the clock digit by digit, over milliseconds and over the end of the counter', () => {
    let nowMs = 1_763_708_652_000
    const clock = new HybridClock(() => nowMs)
    const shadow = new HybridClock(() => nowMs)
    const stamper = new EventStamper({ ...options, clock })
    const event = codec.serialize(fc.sample(cloudEvents, { seed: 2, numRuns: 1 })[0] ?? expect.fail())
    let last = ''
    for (let round = 0; round < 100_300; round++) {
      if (round === 50 || round === 51) nowMs += 1
      const stamped = stamper.stamp(event)
      const wanted = formatHybridTime(shadow.tick())
      if (round % 997 !== 0 && round > 120 && round < 100_040) continue
      const { [MeshAttribute.time]: time } = Object.fromEntries(scanAttributes(stamped))
      expect(time).toBe(wanted)
      expect(wanted > last).toBe(true)
      last = wanted
    }
  })

  test("records the machine's time also while the hybrid time is ahead of it", () => {
    let nowMs = 1_000
    const clock = new HybridClock(() => nowMs)
    const stamper = new EventStamper({ ...options, clock })
    clock.observe({ ms: 5_000, counter: 0 })
    for (const wanted of [1_000, 1_001, 1_002]) {
      nowMs = wanted
      const attributes = scanAttributes(stamper.stamp(Buffer.alloc(0)))
      expect(attributes.get(MeshAttribute.recordedTime)).toBe(new Date(wanted).toISOString())
      expect(attributes.get(MeshAttribute.time)).toMatch(/^0000000005000\./)
    }
  })

  test('serves two publishers from one clock', () => {
    const clock = new HybridClock(() => 5)
    const first = new EventStamper({ ...options, clock })
    const second = new EventStamper({ ...options, authId: 'other', clock })
    const times = [first, second, first, second].map((stamper) =>
      scanAttributes(stamper.stamp(Buffer.alloc(0))).get(MeshAttribute.time),
    )
    expect(times).toEqual([0, 1, 2, 3].map((counter) => formatHybridTime({ ms: 5, counter })))
  })
})
