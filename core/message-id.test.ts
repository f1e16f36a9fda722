import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MESSAGE_ID_LENGTH_MAX, messageId } from './message-id.ts'

const parts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('1', '2', ':', 'h', '/', 'a'), maxLength: 5 }),
  fc.string({ minLength: 100, maxLength: 300 }),
)

describe('messageId', () => {
  test('is readable where it can be, and a hash where not', () => {
    expect(messageId({ source: '/shop', id: 'order-7' })).toBe('7:order-7/shop')
    expect(messageId({ source: '/shop', id: 'order 7' })).toMatch(/^h:[A-Za-z0-9_-]{43}$/)
    expect(messageId({ source: '/shop', id: 'x'.repeat(140) })).toMatch(/^h:/)
    expect(messageId({ source: '/s', id: 'x'.repeat(134) })).toHaveLength(MESSAGE_ID_LENGTH_MAX)
  })

  test('is safe in a header and bounded', () => {
    fc.assert(
      fc.property(parts, parts, (source, id) => {
        expect(messageId({ source, id })).toMatch(/^[!-~]{1,140}$/)
      }),
    )
  })

  test('differs for different events', () => {
    fc.assert(
      fc.property(parts, parts, parts, parts, (source, id, otherSource, otherId) => {
        const same = source === otherSource && id === otherId
        expect(messageId({ source, id }) === messageId({ source: otherSource, id: otherId })).toBe(same)
      }),
      { numRuns: 2_000 },
    )
  })

  test('differs when only the border between source and id moves', () => {
    const ids = new Set<string>()
    const text = '1:2:3:h:1/a'
    for (let border = 0; border <= text.length; border++) {
      ids.add(messageId({ id: text.slice(0, border), source: text.slice(border) }))
    }
    expect(ids.size).toBe(text.length + 1)
  })
})
