import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MaskRule, TopicDocument } from '../documents/index.ts'
import { encodeStringAttribute } from '../event/attribute-writer.ts'
import { scanEvent } from '../event/scan.ts'
import { cloudEvents } from '../testing/cloud-events.ts'
import { eventSoup } from '../testing/wire-soup.ts'
import { egressOf } from './egress.ts'
import { parseExact } from './json.ts'

const codec = messageCodec(CloudEventSchema)
const SECRET = 'TOPSECRET'

function topicOf(parts: Partial<TopicDocument['spec']['egress']>): TopicDocument {
  const egress = { filter: undefined, masks: [], classifications: [], ...parts }
  return {
    kind: 'Topic',
    name: { tenant: 'acme', topic: 'x' },
    spec: { regions: [], egress },
  } as unknown as TopicDocument
}

const name = fc.constantFrom('a', 'b', 'c', 'email', '__proto__', 'x y')
/** JSON whose members of the name "email" hold the secret, wherever they are. */
const withSecrets = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('', 'text')),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .dictionary(name, tie('value'), { maxKeys: 4 })
      .map((value) => ('email' in value ? { ...value, email: SECRET } : value)),
  ),
})).value

/** Every path to a member "email", with lists and strange names written as a person could. */
function pathsTo(value: unknown, path = 'data'): string[] {
  if (Array.isArray(value)) return value.flatMap((element) => pathsTo(element, `${path}[*]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => {
    const step = `${path}[${JSON.stringify(key)}]`
    return key === 'email' ? [step] : pathsTo(child, step)
  })
}

function eventWith(text: string): Buffer {
  return codec.serialize({
    $typeName: 'io.cloudevents.v1.CloudEvent',
    id: '1',
    source: '/s',
    specVersion: '1.0',
    type: 't',
    attributes: {},
    data: { case: 'textData', value: text },
  })
}

describe('masks', () => {
  test('leave nothing of what they hide, and everything else', () => {
    fc.assert(
      fc.property(withSecrets, fc.constantFrom('redact', 'hash', 'drop'), (data, action) => {
        const paths = [...new Set(pathsTo(data))].filter((path) => path.split('[').length <= 17)
        const masks = paths.map((path): MaskRule => ({ path, action: action as MaskRule['action'] }))
        const egress = egressOf(topicOf({ masks }))
        const text = JSON.stringify(data)
        const masked = egress.masked(eventWith(text))
        if (masked === undefined) throw new Error(`not masked: ${text}`)
        expect(Buffer.from(masked).includes(SECRET)).toBe(false)
        expect(scanEvent(masked).error).toBeUndefined()
        const again = egress.masked(masked)
        expect(Buffer.from(again ?? []).equals(Buffer.from(masked))).toBe(true)
        if (masks.length > 0) return
        expect(codec.deserialize(Buffer.from(masked)).data.value).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  test('keep id, source, type and attributes of whatever was accepted', () => {
    let seen = 0
    const egress = egressOf(topicOf({ masks: [{ path: 'data', action: 'drop' }] }))
    fc.assert(
      fc.property(eventSoup, (bytes) => {
        const { value: before } = scanEvent(bytes)
        if (before === undefined) return
        seen += 1
        const masked = egress.masked(bytes)
        if (masked === undefined) throw new Error('an event that was accepted could not be masked')
        const { value: after } = scanEvent(masked)
        expect(after).toEqual({ ...before, byteLength: masked.length })
        const [full, left] = [codec.deserialize(bytes), codec.deserialize(Buffer.from(masked))]
        expect(left.attributes).toEqual(full.attributes)
        expect(left.data.case).toBeUndefined()
        expect(left.$unknown).toBeUndefined()
      }),
      { numRuns: 3_000 },
    )
    expect(seen).toBeGreaterThan(500)
  })
})

describe('filters', () => {
  test('see each attribute as a Protobuf library reads it', () => {
    fc.assert(
      fc.property(cloudEvents, (event) => {
        const bytes = codec.serialize(event)
        for (const [key, { attr }] of Object.entries(event.attributes)) {
          if (attr.case === 'ceString' || attr.case === 'ceUri' || attr.case === 'ceUriRef') {
            const wanted = JSON.stringify(attr.value.slice(0, 20).replace(/[^ -~]/gu, '?'))
            const filter = `event[${JSON.stringify(key)}] == ${wanted}`
            const plain = wanted === JSON.stringify(attr.value)
            expect(egressOf(topicOf({ filter })).passes(bytes, 'x')).toBe(plain)
          } else if (attr.case === 'ceInteger' || attr.case === 'ceBoolean') {
            expect(egressOf(topicOf({ filter: `event["${key}"] == ${attr.value}` })).passes(bytes, 'x')).toBe(true)
          }
        }
        expect(egressOf(topicOf({ filter: 'size(event) >= 4' })).passes(bytes, 'x')).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('answer for whatever was accepted, and throw for nothing', () => {
    const egress = egressOf(topicOf({ filter: 'event.type == "a3" || data.a == 1 || has(event.b)' }))
    fc.assert(
      fc.property(eventSoup, (bytes) => {
        egress.leave(bytes, 'x')
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('classifications', () => {
  const egress = egressOf(topicOf({ classifications: [{ classification: 'a', regions: ['x'] }] }))

  test('go by what a Protobuf library reads', () => {
    fc.assert(
      fc.property(eventSoup, fc.constantFrom(undefined, 'a', 'b', ''), (soup, classification) => {
        if (scanEvent(soup).error !== undefined) return
        const bytes =
          classification === undefined
            ? soup
            : Buffer.concat([
                encodeStringAttribute('dataclassification', 'c'),
                soup,
                encodeStringAttribute('dataclassification', classification),
              ])
        expect(egress.mayHold(bytes, 'x')).toBe(classification === undefined || classification === 'a')
        expect(egress.mayHold(bytes, 'y')).toBe(classification === undefined)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('JSON that is read exactly is written as it was', () => {
  const number = fc.stringMatching(/^-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?$/)
  fc.assert(
    fc.property(fc.array(number, { maxLength: 5 }), (numbers) => {
      const text = `{"x":[${numbers.join(',')}]}`
      expect(JSON.stringify(parseExact(text))).toBe(text)
    }),
    { numRuns: 1_000 },
  )
})
