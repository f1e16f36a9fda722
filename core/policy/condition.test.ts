import { describe, expect, it } from 'vitest'
import { compileCondition } from './index.ts'

describe('condition', () => {
  it.each([
    ['', /is empty/],
    ['  ', /is empty/],
    ['principal.', /is wrong/],
    ['user.name == "x"', /Unknown variable: user/],
    ['principal.name == "x"', /No such key: name/],
    ['tenant == 1', /no such overload/],
    ['1 + 1', /is of type int, wanted bool/],
    ['principal.claims', /is of type map.*, wanted bool/],
    ['topic.matches("(a+)+$")', /calls matches\(\)/],
    ['principal.groups.map(g, g + g).size() > 0', /calls map\(\)/],
    ['cel.bind(x, topic, x == "a")', /calls bind\(\)/],
    ['principal.groups.all(a, principal.groups.all(b, principal.groups.all(c, c == a && c == b)))', /nests 3/],
    [`${'!'.repeat(600)}true`, /is wrong/],
    ['"'.padEnd(5000, 'x'), /has 5000 characters/],
  ])('refuses %j', (expression, text) => {
    const { error } = compileCondition(expression)
    expect(error?.code).toBe('invalid_argument')
    expect(error?.message).toMatch(text)
    expect(error?.message).not.toContain('\n')
  })

  it('accepts what needs a claim to know its type', () => {
    expect(compileCondition('principal.claims.level >= 3 && has(principal.claims.team)').error).toBeUndefined()
    expect(compileCondition('principal.groups.exists(g, g in principal.claims.teams)').error).toBeUndefined()
  })
})
