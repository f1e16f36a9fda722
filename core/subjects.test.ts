import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTopicName, type TopicName } from './names.ts'
import {
  controlSubject,
  eventFilters,
  eventSubject,
  isControlSubject,
  markedFilter,
  markerSubject,
  originFilter,
  parseSubject,
  streamName,
  streamSubjects,
  topicOfToken,
} from './subjects.ts'
import { labels, topicNames } from './testing/names.ts'

const ORDERS: TopicName = { tenant: 'acme', topic: 'orders.created' }

/** NATS's rule: "*" is one token, ">" is one or more at the end. */
function matches(filter: string, subject: string): boolean {
  const wanted = filter.split('.')
  const tokens = subject.split('.')
  if (wanted.at(-1) === '>') return tokens.length >= wanted.length && match(wanted.slice(0, -1))
  return tokens.length === wanted.length && match(wanted)
  function match(parts: readonly string[]): boolean {
    return parts.every((part, index) => part === '*' || part === tokens[index])
  }
}

test('names are the documented ones', () => {
  expect(streamName(ORDERS)).toBe('lb_acme_orders_created')
  expect(streamSubjects(ORDERS)).toEqual(['lb.acme.orders_created.>'])
  expect(eventSubject(ORDERS, 'us-east', 3)).toBe('lb.acme.orders_created.us-east.3')
  expect(eventSubject(ORDERS, 'us-east', 3, true)).toBe('lb.acme.orders_created.us-east.3.m')
  expect(controlSubject(ORDERS, 'us-east')).toBe('lb.acme.orders_created.us-east.c')
  expect(markerSubject(ORDERS, 'us-east')).toBe('lb.acme.orders_created.us-east.c.m')
  expect(originFilter(ORDERS, 'us-east')).toBe('lb.acme.orders_created.us-east.>')
  expect(eventFilters(ORDERS)).toEqual(['lb.acme.orders_created.>'])
  expect(markedFilter(ORDERS)).toBe('lb.acme.orders_created.*.*.m')
})

test('two topics share neither stream nor subjects', () => {
  fc.assert(
    fc.property(topicNames, topicNames, (one, other) => {
      fc.pre(formatTopicName(one) !== formatTopicName(other))
      expect(streamName(one)).not.toBe(streamName(other))
      expect(matches(streamSubjects(one)[0] ?? '', eventSubject(other, 'r', 0))).toBe(false)
    }),
  )
})

test('subjects say what they were made of, and filters find them', () => {
  fc.assert(
    fc.property(topicNames, labels, labels, fc.nat(255), fc.boolean(), (name, origin, other, partition, marked) => {
      const event = eventSubject(name, origin, partition, marked)
      const { value } = parseSubject(event)
      expect(value).toMatchObject({ tenant: name.tenant, origin, partition, marked, control: false })
      expect(topicOfToken(value?.topicToken ?? '')).toBe(name.topic)
      const control = controlSubject(name, origin)
      expect(parseSubject(control).value).toMatchObject({ origin, partition: undefined, marked: false, control: true })
      const marker = markerSubject(name, origin)
      expect([event, control, marker].map(isControlSubject)).toEqual([false, true, true])
      expect(parseSubject(marker).value).toMatchObject({ origin, partition: undefined, marked: true, control: true })
      expect(matches(markedFilter(name), marker)).toBe(true)
      expect(matches(originFilter(name, origin), marker)).toBe(true)

      expect(matches(originFilter(name, origin), event)).toBe(true)
      expect(matches(originFilter(name, origin), control)).toBe(true)
      expect(matches(originFilter(name, other), event)).toBe(origin === other)
      expect(matches(markedFilter(name), event)).toBe(marked)
      expect(matches(markedFilter(name), control)).toBe(false)
      expect(eventFilters(name).filter((filter) => matches(filter, event))).toHaveLength(1)
    }),
  )
})

describe('parseSubject refuses', () => {
  test.each([
    '',
    'lb',
    'lb.acme.orders.us-east',
    'xx.acme.orders.us-east.3',
    'lb.acme.orders.us-east.256',
    'lb.acme.orders.us-east.03',
    'lb.acme.orders.us-east.-1',
    'lb.acme.orders.us-east.x',
    'lb.acme.orders.us-east.3.x',
    'lb.acme.orders.us-east.c.m.m',
    'lb.acme.orders.us-east.c.x',
    'lb.acme.orders.us-east.3.m.m',
    'lb.acme.orders.us-east.3.m.m.m.m',
    'lb.acme..us-east.3',
    'lb.Acme.orders.us-east.3',
    'lb.acme.or ders.us-east.3',
    'lb.acme.orders_.us-east.3',
    'lb.acme.orders.*.3',
  ])('%s', (subject) => {
    expect(parseSubject(subject).error?.message).toContain('subject: is')
  })

  test('nothing by throwing', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('lb', 'acme', '.', '..', '*', '>', 'c', 'm', '3', '_')), (parts) => {
        parseSubject(parts.join(''))
        parseSubject(parts.join('.'))
      }),
    )
  })
})
