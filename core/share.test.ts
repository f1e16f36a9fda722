import { describe, expect, it } from 'vitest'
import { aliveGateways, ownerOf } from './share.ts'

const WORK = Array.from({ length: 3_000 }, (_, index) => `acme/topic-${index % 1_000} region-${index % 3}`)

describe('ownerOf', () => {
  it.each([2, 3, 4, 5])('spreads work evenly over %i gateways', (count) => {
    const gateways = names(count)
    const shares = new Map(gateways.map((name) => [name, 0]))
    for (const work of WORK) {
      const owner = ownerOf(work, gateways)
      shares.set(owner, (shares.get(owner) ?? 0) + 1)
    }
    for (const share of shares.values()) {
      expect(share).toBeGreaterThan((WORK.length / count) * 0.85)
      expect(share).toBeLessThan((WORK.length / count) * 1.15)
    }
  })

  it('moves only the work of the gateway that left', () => {
    const all = names(5)
    for (const gone of all) {
      const rest = all.filter((name) => name !== gone)
      for (const work of WORK) {
        const before = ownerOf(work, all)
        if (before !== gone) expect(ownerOf(work, rest)).toBe(before)
      }
    }
  })

  it('does not depend on the order of the list', () => {
    const gateways = names(5)
    for (const work of WORK.slice(0, 100)) expect(ownerOf(work, gateways.toReversed())).toBe(ownerOf(work, gateways))
  })

  it('wants a gateway', () => {
    expect(() => ownerOf('x', [])).toThrow(RangeError)
  })
})

describe('aliveGateways', () => {
  it.each<[what: string, seen: [string, number][], alive: string[]]>([
    ['nobody was seen yet', [], ['b']],
    [
      'all are seen',
      [
        ['c', 900],
        ['b', 1_000],
        ['a', 0],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'one is silent',
      [
        ['c', 5_000],
        ['b', 5_900],
        ['a', 2_900],
      ],
      ['b', 'c'],
    ],
    [
      'nothing comes back to the reader, itself included',
      [
        ['a', 0],
        ['b', 500],
        ['c', 400],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'the reader itself was never seen',
      [
        ['a', 0],
        ['c', 90_000],
      ],
      ['a', 'b', 'c'],
    ],
  ])('when %s', (_, seen, alive) => {
    expect(aliveGateways(new Map(seen), 'b', 3_000)).toEqual(alive)
  })
})

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `eu-west-gateway-${index}`)
}
