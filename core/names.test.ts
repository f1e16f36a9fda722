import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatTopicName, parseRegionName, parseTopicName } from './names.ts'

const label63 = 'a'.repeat(63)

describe('parseTopicName', () => {
  test.each([
    'acme/orders',
    'acme/orders.created',
    'a/0',
    `${label63}/${label63}.x`,
    'a-b/c-d.e-f',
    `a/${'ab.'.repeat(39)}abc`,
  ])('accepts %s', (text) => {
    const { value } = parseTopicName(text)
    expect(value && formatTopicName(value)).toBe(text)
  })

  test.each([
    ['', 'wanted "<tenant>/<topic>"'],
    ['acme', 'wanted "<tenant>/<topic>"'],
    ['/orders', 'tenant is ""'],
    ['acme/', 'name is ""'],
    ['Acme/orders', 'tenant is "Acme"'],
    ['a.b/orders', 'tenant is "a.b"'],
    ['-a/orders', 'tenant is "-a"'],
    [`${label63}a/orders`, 'tenant is'],
    ['acme/a/b', 'name is "a/b"'],
    ['acme/a..b', 'name is "a..b"'],
    ['acme/.a', 'name is ".a"'],
    ['acme/a_b', 'name is "a_b"'],
    ['acme/a.*', 'name is "a.*"'],
    ['acme/>', 'name is ">"'],
    ['acme/orders\n', 'name is "orders\\n"'],
    [`acme/${label63}.${label63}`, 'at most 120 characters'],
    [`acme/${'x'.repeat(100_000)}`, '..."'],
  ])('refuses %s', (text, wanted) => {
    const { error } = parseTopicName(text)
    expect(error?.code).toBe('invalid_argument')
    expect(error?.message).toContain(wanted)
    expect(error?.message.length).toBeLessThan(300)
  })

  test('is total', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { value } = parseTopicName(text)
        if (value !== undefined) expect(formatTopicName(value)).toBe(text)
      }),
    )
  })
})

test('parseRegionName takes one DNS label', () => {
  expect(parseRegionName('us-east').value).toBe('us-east')
  for (const text of ['', 'us.east', 'US', 'us-', '*', 'a b', `${label63}a`]) {
    expect(parseRegionName(text).error?.message).toContain('region: is')
  }
})
