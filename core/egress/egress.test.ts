import { create } from '@bufbuild/protobuf'
import { type CloudEvent, type CloudEventAttributeValue, CloudEventSchema, messageCodec } from '@landbridge/proto'
import { describe, expect, test } from 'vitest'
import { parseDocuments, type TopicDocument } from '../documents/index.ts'
import { scanEvent } from '../event/scan.ts'
import { bytesField, varintField } from '../testing/wire-soup.ts'
import { type Egress, egressOf, mayRelay } from './index.ts'

const codec = messageCodec(CloudEventSchema)

function topicOf(replication: object): TopicDocument {
  const text = JSON.stringify({
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'Topic',
    metadata: { namespace: 'acme', name: 'orders' },
    spec: { replication },
  })
  const { value, error } = parseDocuments(text)
  if (error !== undefined) throw error
  const [document] = value
  if (document?.kind !== 'Topic') throw new Error('no topic')
  return document
}

const egress = (replication: object): Egress => egressOf(topicOf(replication))

type Parts = { readonly attributes?: Record<string, string | number | boolean>; readonly data?: CloudEvent['data'] }

function eventOf({ attributes = {}, data = { case: undefined } }: Parts): Buffer {
  const values = Object.entries(attributes).map(([name, value]): [string, CloudEventAttributeValue] => [
    name,
    {
      $typeName: 'io.cloudevents.v1.CloudEventAttributeValue',
      attr:
        typeof value === 'string'
          ? { case: 'ceString', value }
          : typeof value === 'number'
            ? { case: 'ceInteger', value }
            : { case: 'ceBoolean', value },
    } as CloudEventAttributeValue,
  ])
  return codec.serialize(
    create(CloudEventSchema, {
      id: '1',
      source: '/s',
      specVersion: '1.0',
      type: 'acme.order',
      attributes: Object.fromEntries(values),
      data,
    }),
  )
}

const json = (value: unknown, attributes: Parts['attributes'] = {}): Buffer =>
  eventOf({
    attributes: { datacontenttype: 'application/json', ...attributes },
    data: { case: 'textData', value: typeof value === 'string' ? value : JSON.stringify(value) },
  })

function sent(rules: Egress, event: Buffer): unknown {
  const left = rules.leave(event, 'eu-west')
  if (typeof left === 'string') return left
  expect(scanEvent(left).error).toBeUndefined()
  const { data } = codec.deserialize(Buffer.from(left))
  if (data.case === undefined) return undefined
  return data.case === 'protoData' ? data.value : Buffer.from(data.value as string).toString()
}

describe('a plain topic', () => {
  test('costs nothing', () => {
    expect(egress({ regions: ['eu-west'] }).isPlain).toBe(true)
    expect(egress({ filter: 'true' }).isPlain).toBe(false)
    expect(egress({ masks: [{ path: 'data.x', action: 'drop' }] }).isPlain).toBe(false)
    expect(egress({ classifications: [{ classification: 'x', regions: ['a'] }] }).isPlain).toBe(false)
  })

  test('is made once a document', () => {
    const document = topicOf({ filter: 'true' })
    expect(egressOf(document)).toBe(egressOf(document))
  })
})

describe('filters', () => {
  const order = json({ amount: 12.5, items: [{ sku: 'a' }], big: 1e300 }, { subject: 's', priority: 3, vip: true })

  test.each([
    ['event.type == "acme.order" && event.source == "/s" && event.specversion == "1.0" && event.id == "1"', true],
    ['event.subject == "s"', true],
    ['event.priority > 2 && event.vip', true],
    ['data.amount > 12 && data.items.exists(i, i.sku == "a")', true],
    ['data.amount > 13', false],
    ['has(event.nothing) || event.vip', true],
    ['has(event.constructor)', false],
    ['has(data.nothing)', false],
    ['size(data.items) == 1', true],
  ])('%s', (filter, passed) => {
    expect(egress({ filter }).passes(order, 'eu-west')).toBe(passed)
    expect(egress({ filter }).leave(order, 'eu-west')).toBe(passed ? order : 'filter')
  })

  test('keeps what it cannot tell', () => {
    const rules = egress({ filter: 'data.amount > 1' })
    for (const event of [
      eventOf({}),
      json('{"amount":'),
      json({ amount: 'x' }),
      json({}),
      json(`{"amount":2,"pad":"${'x'.repeat(1024 ** 2)}"}`),
      eventOf({ attributes: { datacontenttype: 'text/plain' }, data: { case: 'textData', value: '{"amount":2}' } }),
      eventOf({ data: { case: 'protoData', value: { typeUrl: 'x', value: Buffer.from('{"amount":2}') } as never } }),
    ]) {
      expect(rules.leave(event, 'eu-west')).toBe('unreadable')
    }
    expect(egress({ filter: 'event.subject == "s"' }).leave(json({}), 'eu-west')).toBe('unreadable')
    expect(egress({ filter: 'event.subject' }).leave(order, 'eu-west')).toBe('unreadable')
  })

  test('looks at data only when the outcome depends on it', () => {
    expect(egress({ filter: 'event.type == "acme.order" || data.amount > 1' }).passes(eventOf({}), 'x')).toBe(true)
  })

  test('reads JSON in bytes, and without a content type', () => {
    const bytes = eventOf({ data: { case: 'binaryData', value: Buffer.from('{"amount":2}') } })
    expect(egress({ filter: 'data.amount == 2' }).passes(bytes, 'x')).toBe(true)
  })

  // The expression engine tells types by `constructor`, so an event about racing teams once confused it.
  test('is not confused by members and attributes that are called constructor', () => {
    const filter = 'event.constructor == "x" && data.season == 2026 && data.constructor.constructor == "Lotus"'
    const event = json('{"season":2026,"constructor":{"constr\\u0075ctor":"Lotus"}}', { constructor: 'x' })
    expect(egress({ filter }).passes(event, 'x')).toBe(true)
  })

  test('sees the last of repeated attributes, as every other reader does', () => {
    const again = Buffer.concat([order, eventOf({ attributes: { subject: 'other' } })])
    expect(egress({ filter: 'event.subject == "other"' }).passes(again, 'x')).toBe(true)
  })
})

describe('masks', () => {
  const masks = (path: string, action: string) => egress({ masks: [{ path, action }] })

  test.each([
    [
      'data.customer.email',
      'redact',
      { customer: { email: 'a@b', n: 1 } },
      { customer: { email: '[redacted]', n: 1 } },
    ],
    ['data.customer.email', 'drop', { customer: { email: 'a@b', n: 1 } }, { customer: { n: 1 } }],
    ['data.customer', 'drop', { customer: { email: 'a@b' } }, {}],
    ['data.items[*].card', 'redact', { items: [{ card: 1 }, { x: 1 }] }, { items: [{ card: '[redacted]' }, { x: 1 }] }],
    ['data.tags[*]', 'redact', { tags: ['a', null, [1]] }, { tags: ['[redacted]', '[redacted]', '[redacted]'] }],
    ['data.tags[*]', 'drop', { tags: ['a', 'b'] }, { tags: [] }],
    ['data["a.b"].c', 'redact', { 'a.b': { c: 1 } }, { 'a.b': { c: '[redacted]' } }],
    ['data[*].x', 'drop', [{ x: 1, y: 2 }], [{ y: 2 }]],
    // Data in another shape than expected.
    [
      'data.customer.email',
      'redact',
      { customer: [{ email: 'a' }, [{ email: 'b' }]] },
      {
        customer: [{ email: '[redacted]' }, [{ email: '[redacted]' }]],
      },
    ],
    ['data.items[*].card', 'redact', { items: { card: 1 } }, { items: { card: '[redacted]' } }],
    ['data.items[*].card', 'redact', { items: { a: { card: 1 } } }, { items: { a: { card: '[redacted]' } } }],
    ['data.tags[*]', 'redact', { tags: 'a' }, { tags: '[redacted]' }],
    ['data.x', 'redact', 'no object', 'no object'],
    ['data.x.y', 'redact', { x: null }, { x: null }],
  ])('%s %s', (path, action, before, after) => {
    const rules = masks(path, action)
    const text = sent(rules, json(JSON.stringify(before)))
    expect(JSON.parse(String(text))).toEqual(after)
  })

  test('hash equal values equally, within a tenant, and hashed ones never again', () => {
    const rules = masks('data.email', 'hash')
    const once = rules.masked(json({ email: 'a@b' })) ?? Buffer.alloc(0)
    const text = String(sent(rules, json({ email: 'a@b' })))
    expect(text).toMatch(/^\{"email":"sha256:[0-9a-f]{64}"\}$/)
    expect(sent(rules, Buffer.from(once))).toBe(text)
    expect(sent(rules, json({ email: 'a@c' }))).not.toBe(text)
  })

  test('leave numbers and everything else as they were written', () => {
    const data = '{"id":12345678901234567890,"price":1.50,"tiny":-0,"e":1e400,"email":"x","__proto__":{"a":1}}'
    expect(sent(masks('data.email', 'drop'), json(data))).toBe(
      '{"id":12345678901234567890,"price":1.50,"tiny":-0,"e":1e400,"__proto__":{"a":1}}',
    )
    expect(sent(masks('data.__proto__', 'drop'), json('{"__proto__":{"a":1}}'))).toBe('{}')
  })

  test('reach every copy of a member that is there twice', () => {
    expect(sent(masks('data.email', 'redact'), json('{"email":"a","email":"b"}'))).toBe('{"email":"[redacted]"}')
  })

  test('keep what cannot be masked', () => {
    const rules = masks('data.email', 'redact')
    for (const event of [
      json('{"email":'),
      eventOf({ attributes: { datacontenttype: 'text/plain' }, data: { case: 'textData', value: '{"email":"a"}' } }),
      eventOf({ attributes: { datacontenttype: 1 }, data: { case: 'textData', value: '{"email":"a"}' } }),
      eventOf({ data: { case: 'binaryData', value: Buffer.from([0x22, 0xff, 0x22]) } }),
      eventOf({ data: { case: 'protoData', value: { typeUrl: 'x', value: Buffer.from('y') } as never } }),
      json(`${'['.repeat(200_000)}${']'.repeat(200_000)}`),
    ]) {
      expect(rules.leave(event, 'eu-west')).toBe('unreadable')
      expect(rules.masked(event)).toBeUndefined()
      expect(rules.passes(event, 'eu-west')).toBe(true)
    }
  })

  test('pass events without data, and drop all data of any kind', () => {
    expect(sent(masks('data.email', 'redact'), eventOf({}))).toBeUndefined()
    const all = masks('data', 'drop')
    expect(sent(all, json('no json'))).toBeUndefined()
    expect(
      sent(all, eventOf({ data: { case: 'protoData', value: { typeUrl: 'x', value: Buffer.from('y') } as never } })),
    ).toBeUndefined()
  })

  test('leave no earlier or unknown field behind that could hold what they hide', () => {
    const secret = Buffer.from('"secret"')
    const hidden = Buffer.concat([
      bytesField(7, '{"email":"secret"}'),
      bytesField(6, '{"email":"secret"}'),
      json({ email: 'secret' }),
      bytesField(12, 'secret'),
      varintField(13, 7),
    ])
    const left = masks('data.email', 'redact').leave(hidden, 'eu-west') as Buffer
    expect(Buffer.from(left).includes('secret')).toBe(false)
    expect(secret.length).toBe(8)
    const nothing = Buffer.concat([bytesField(7, '{"email":"secret"}'), json({}), bytesField(7, '')])
    expect(Buffer.from(masks('data.email', 'redact').leave(nothing, 'eu-west') as Buffer).includes('secret')).toBe(
      false,
    )
  })
})

describe('classifications', () => {
  const rules = {
    classifications: [
      { classification: 'pii', regions: ['eu-west', 'eu-north'] },
      { classification: 'public', regions: ['*'] },
    ],
  }
  const of = (dataclassification: string | number) => json({}, { dataclassification })

  test('say who may hold an event', () => {
    const { mayHold, leave } = egress(rules)
    expect([mayHold(of('pii'), 'eu-west'), mayHold(of('pii'), 'us-east')]).toEqual([true, false])
    expect([mayHold(of('public'), 'eu-west'), mayHold(of('public'), 'us-east')]).toEqual([true, true])
    expect(mayHold(json({}), 'us-east')).toBe(true)
    expect(leave(of('pii'), 'us-east')).toBe('classification')
  })

  test('let nobody hold what has no rule, unless one stands for all others', () => {
    for (const strange of [of('PII'), of('secret'), of(''), of(7)]) {
      expect(egress(rules).mayHold(strange, 'eu-west')).toBe(false)
      const open = { classifications: [...rules.classifications, { classification: '*', regions: ['us-east'] }] }
      expect(egress(open).mayHold(strange, 'us-east')).toBe(true)
      expect(egress(open).mayHold(strange, 'eu-west')).toBe(false)
    }
  })

  test('mind the last of repeated attributes', () => {
    expect(egress(rules).mayHold(Buffer.concat([of('public'), of('pii')]), 'us-east')).toBe(false)
  })

  test('say why a publisher is refused', () => {
    const { refusal } = egress(rules)
    expect(refusal(of('pii'), 'eu-west')).toBeUndefined()
    expect(refusal(of('pii'), 'us-east')?.message).toBe(
      'event: dataclassification is "pii", which acme/orders allows in eu-north, eu-west only, and this is us-east',
    )
    expect(refusal(of('secret'), 'us-east')?.message).toBe(
      'event: dataclassification is "secret", wanted one that acme/orders has a rule for',
    )
    expect(refusal(of(7), 'us-east')?.code).toBe('failed_precondition')
  })

  test('let an event be forwarded only as it is and where it may be held', () => {
    expect(egress(rules).mayForward(of('pii'), 'us-east')).toBe(false)
    expect(egress(rules).mayForward(of('pii'), 'eu-north')).toBe(true)
    expect(egress({ masks: [{ path: 'data.x', action: 'drop' }] }).mayForward(json({}), 'eu-north')).toBe(false)
    expect(egress({ filter: 'false' }).mayForward(json({}), 'eu-north')).toBe(false)
  })

  test('let a region relay only what it may hold itself', () => {
    const topic = topicOf(rules)
    expect(mayRelay(topic, 'eu-north', 'eu-west')).toBe(true)
    expect(mayRelay(topic, 'us-east', 'eu-west')).toBe(false)
    expect(mayRelay(topic, 'eu-west', 'us-east')).toBe(true)
    expect(mayRelay(topicOf({ regions: ['a', 'b'] }), 'a', 'c')).toBe(false)
    expect(mayRelay(topicOf({}), 'a', 'c')).toBe(true)
  })
})
