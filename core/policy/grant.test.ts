import { create } from '@bufbuild/protobuf'
import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MaskRule } from '../documents/index.ts'
import { grantOf, isUnlimited, type Terms } from './grant.ts'
import type { Grant } from './types.ts'

const codec = messageCodec(CloudEventSchema)
const DATA = { customer: { email: 'a@b', name: 'Ann' }, cards: [{ number: 1, type: 'x' }, { number: 2 }], total: 1.0 }

/** "customer.email:hash" as a rule. */
function masks(...texts: readonly string[]): readonly MaskRule[] {
  return texts.map((text) => {
    const [path = '', action = 'redact'] = text.split(':')
    return { path: path === '' ? 'data' : `data.${path}`, action: action as MaskRule['action'] }
  })
}

function terms(parts: { masks?: readonly MaskRule[]; events?: number; bytes?: number; name?: string }): Terms {
  const quotas = { eventsPerSecond: parts.events, bytesPerSecond: parts.bytes }
  return { tenant: 'acme', name: parts.name ?? 'a', masks: parts.masks ?? [], quotas }
}

function eventOf(data: unknown): Buffer {
  const value = typeof data === 'string' ? data : JSON.stringify(data)
  const attributes = { subject: { $typeName: 'io.cloudevents.v1.CloudEventAttributeValue' as const, attr: SUBJECT } }
  const event = { id: '1', source: '/s', specVersion: '1.0', type: 't', attributes }
  return codec.serialize(create(CloudEventSchema, { ...event, data: { case: 'textData', value } }))
}
const SUBJECT = { case: 'ceString' as const, value: 'kept' }

/** What a grant shows of the data; 'none' when there are none. */
function shown(grant: Grant, data: unknown): unknown {
  const event = eventOf(data)
  const seen = codec.deserialize(Buffer.from(grant.view?.(event) ?? event))
  expect(seen.attributes.subject?.attr).toEqual(SUBJECT)
  return seen.data.case === 'textData' ? JSON.parse(seen.data.value) : 'none'
}

const subscribe = (...sets: readonly (readonly MaskRule[])[]) =>
  grantOf(
    sets.map((rules, index) => terms({ masks: rules, name: `p${index}` })),
    'subscribe',
  )

const R = '[redacted]'

describe('what is shown', () => {
  it.each<[string, readonly (readonly MaskRule[])[], unknown]>([
    [
      'by one policy: all but what it masks',
      [masks('customer.email')],
      { ...DATA, customer: { email: R, name: 'Ann' } },
    ],
    ['by one with masks and one without: everything', [masks('customer.email'), []], DATA],
    ['by two that mask the same: all but that', [masks('total'), masks('total')], { ...DATA, total: R }],
    ['by two that mask different fields: everything', [masks('total'), masks('customer.email:drop')], DATA],
    [
      'by two of which one masks a part of the other: all but the part',
      [masks('customer:drop'), masks('customer.email', 'total')],
      { ...DATA, customer: { email: R, name: 'Ann' } },
    ],
    [
      'element by element, however the path is written',
      [masks('cards[*].number:drop'), masks('cards.number', 'cards[*].type:drop')],
      { ...DATA, cards: [{ number: R, type: 'x' }, { number: R }] },
    ],
    ['with the action that leaves most', [masks('total:drop'), masks('total:hash')], { ...DATA, total: HASH_OF_ONE() }],
    ['with the stronger of one policy', [masks('total:drop', 'total[*]:hash'), masks('total')], { ...DATA, total: R }],
    ['by one that drops all data: nothing', [masks(':drop')], 'none'],
    ['by two that drop all data: nothing', [masks(':drop'), masks(':drop')], 'none'],
    ['by one that drops all and one that does not', [masks(':drop'), masks('total:drop')], WITHOUT_TOTAL()],
  ])('%s', (_, sets, expected) => {
    expect(shown(subscribe(...sets), DATA)).toEqual(expected)
    expect(shown(subscribe(...sets.toReversed()), DATA)).toEqual(expected)
  })

  it.each(['not JSON', ''])('of data that cannot be read: nothing (%j)', (data) => {
    expect(shown(subscribe(masks('total')), data)).toBe('none')
    expect(shown(subscribe(masks('total'), masks('customer')), data)).toBe('none')
  })

  it('is everything that either policy shows, and nothing that both hide', () => {
    const path = fc.constantFrom('a', 'b', 'a.b', 'a.c', 'a[*]', 'a[*].b', 'b.a[*].c', 'b')
    const sets = fc.array(
      path.map((text) => masks(`${text}:drop`)[0] as MaskRule),
      { minLength: 1, maxLength: 3 },
    )
    const leaf = fc.constantFrom(1, 'x', null)
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, leaf, fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('tree'), { maxKeys: 3 })),
    }))
    fc.assert(
      fc.property(sets, sets, fc.record({ a: tree, b: tree }), (one, other, data) => {
        const [x, y, both] = [subscribe(one), subscribe(other), subscribe(one, other)].map((g) =>
          leaves(shown(g, data)),
        )
        expect(both).toEqual(new Set([...(x ?? []), ...(y ?? [])]))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is everything to a publisher', () => {
    expect(grantOf([terms({ masks: masks('total'), events: 1 })], 'publish').view).toBeUndefined()
  })
})

describe('how much is granted', () => {
  const email = masks('customer.email')
  it.each<[string, readonly Terms[], object | undefined]>([
    ['a limit', [terms({ events: 5 })], { eventsPerSecond: 5, bytesPerSecond: undefined }],
    [
      'the larger of two, figure by figure',
      [terms({ events: 5, bytes: 9 }), terms({ events: 6, bytes: 8 })],
      { eventsPerSecond: 6, bytesPerSecond: 9 },
    ],
    ['no limit beside a limit', [terms({ events: 5 }), terms({ bytes: 8 })], undefined],
    [
      'that of the policy that shows everything',
      [terms({ events: 5 }), terms({ masks: email })],
      { eventsPerSecond: 5, bytesPerSecond: undefined },
    ],
    [
      'the larger with the same masks',
      [terms({ masks: email, events: 5 }), terms({ masks: email, events: 6 })],
      { eventsPerSecond: 6, bytesPerSecond: undefined },
    ],
    [
      'the smaller with different masks',
      [terms({ masks: email, events: 5 }), terms({ masks: masks('total') })],
      { eventsPerSecond: 5, bytesPerSecond: undefined },
    ],
  ])('%s', (_, policies, quota) => {
    expect(grantOf(policies, 'subscribe').quota).toEqual(quota)
  })

  it.each<[string, Terms, boolean, boolean]>([
    ['plain', terms({}), true, true],
    ['masked', terms({ masks: email }), true, false],
    ['limited', terms({ bytes: 1 }), false, false],
  ])('%s: whether another policy may add something', (_, policy, publish, subscribes) => {
    expect([isUnlimited(policy, 'publish'), isUnlimited(policy, 'subscribe')]).toEqual([publish, subscribes])
    expect(isUnlimited(policy, 'admin')).toBe(true)
  })
})

/** Every scalar with its way, of data that were not masked by writing something else. */
function leaves(value: unknown, way = ''): Set<string> {
  if (typeof value !== 'object' || value === null) return new Set([`${way}=${JSON.stringify(value)}`])
  return new Set(Object.entries(value).flatMap(([name, member]) => [...leaves(member, `${way}.${name}`)]))
}

function WITHOUT_TOTAL(): unknown {
  const { total: _, ...rest } = DATA
  return rest
}

function HASH_OF_ONE(): string {
  return (shown(subscribe(masks('total:hash')), DATA) as { total: string }).total
}
