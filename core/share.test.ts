import { describe, expect, it } from 'vitest'
import { ownerOf, PresenceView } from './share.ts'

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

describe('PresenceView', () => {
  const TIMES = { beatMs: 1_000, expiryMs: 3_000, holdUpMs: 2_000 }

  it.each<[what: string, signs: [gateway: string, atMs: number][], alive: string[]]>([
    ['nobody was seen yet', [], ['b']],
    [
      'the reader itself was never seen',
      [
        ['a', 0],
        ['c', 90_000],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'all are seen',
      [
        ['a', 0],
        ['b', 300],
        ['c', 900],
        ['b', 1_300],
      ],
      ['a', 'b', 'c'],
    ],
    [
      'one was last seen just in time',
      [
        ['a', 0],
        ['b', 0],
        ['b', 1_000],
        ['b', 2_000],
        ['b', 2_999],
      ],
      ['a', 'b'],
    ],
    [
      'one is silent',
      [
        ['a', 0],
        ['b', 0],
        ['b', 1_000],
        ['b', 2_000],
        ['b', 3_000],
      ],
      ['b'],
    ],
    [
      'the reader sees nothing, itself included',
      [
        ['a', 0],
        ['b', 500],
      ],
      ['a', 'b'],
    ],
    [
      'all were held up for long',
      [
        ['a', 0],
        ['b', 0],
        ['b', 60_000],
      ],
      ['a', 'b'],
    ],
    [
      'one does not come back after a hold-up',
      [
        ['a', 0],
        ['b', 0],
        ['b', 60_000],
        ['b', 61_000],
        ['b', 62_000],
      ],
      ['b'],
    ],
    [
      'one is silent again',
      [
        ['a', 0],
        ['b', 0],
        ['b', 9_000],
        ['a', 9_100],
        ['b', 10_000],
        ['b', 11_000],
      ],
      ['a', 'b'],
    ],
  ])('when %s', (_, signs, alive) => {
    const view = new PresenceView('b', TIMES)
    for (const [gateway, atMs] of signs) view.saw(gateway, atMs)
    expect(view.alive).toEqual(alive)
    expect(view.ready).toBe(signs.some(([gateway]) => gateway === 'b'))
  })

  it('lets a gateway go that says so, and come back', () => {
    const view = new PresenceView('b', TIMES)
    for (const name of ['a', 'b', 'c']) view.saw(name, 0)
    view.left('a')
    expect(view.alive).toEqual(['b', 'c'])
    view.saw('a', 100)
    expect(view.alive).toEqual(['a', 'b', 'c'])
  })

  it('names those that were silent for long', () => {
    const view = new PresenceView('b', TIMES)
    view.saw('a', 0)
    for (let beat = 0; beat < 60; beat += 1) view.saw('b', beat * 1_000)
    expect(view.silentFor(59_000)).toEqual([])
    expect(view.silentFor(58_000)).toEqual(['a'])
  })
})

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `eu-west-gateway-${index}`)
}
