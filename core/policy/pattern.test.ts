import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from './index.ts'

describe('pattern', () => {
  it.each([
    ['orders', 'orders', true],
    ['orders', 'orders.x', false],
    ['orders.*', 'orders.a.b', true],
    ['orders.*', 'orders', false],
    ['*', '', true],
    ['*', 'x', true],
    ['**', 'x', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*bc*c', 'abc', false],
    ['', '', true],
    ['', 'x', false],
  ])('%s on %s: %s', (pattern, text, matches) => {
    expect(compilePattern(pattern)(text)).toBe(matches)
  })

  it('agrees with a regular expression on short texts', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
    fc.assert(
      fc.property(letters, letters, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
        expect(compilePattern(pattern)(text)).toBe(expression.test(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('does not blow up', () => {
    const matches = compilePattern(`${'a*'.repeat(60)}b`)
    expect(matches('a'.repeat(100_000))).toBe(false)
  })
})
