import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditStreams, type StoredEvent, type StreamContent } from './audit.ts'

const stored = (identity: string, counter: number, origin = 'a', key = 'k'): StoredEvent => ({
  identity,
  counter,
  origin,
  key,
})
const mesh = (a: readonly StoredEvent[], b: readonly StoredEvent[]): StreamContent[] => [
  { region: 'a', topic: 't', events: a },
  { region: 'b', topic: 't', events: b },
]
const acknowledged = (...identities: string[]) => identities.map((identity) => ({ topic: 't', identity }))
const [one, two, three] = [stored('1', 1), stored('2', 2), stored('3', 3)]

describe('auditStreams', () => {
  it('finds nothing wrong with equal streams', () => {
    const report = auditStreams(mesh([one, two], [one, two]), acknowledged('1', '2'))
    expect(report).toMatchObject({ missing: 0, duplicates: 0, orderViolations: 0, differing: 0, examples: [] })
    expect(report.storedByRegion).toEqual(
      new Map([
        ['a', 2],
        ['b', 2],
      ]),
    )
  })

  it.each([
    [
      'a planted loss',
      mesh([one, two, three], [one, three]),
      { missing: 1, differing: 1, duplicates: 0, orderViolations: 0 },
    ],
    [
      'a loss everywhere',
      mesh([one, two], [one, two]),
      { missing: 2, differing: 0, duplicates: 0, orderViolations: 0 },
    ],
    [
      'a planted duplicate',
      mesh([one, two, three], [one, two, two, three]),
      { missing: 0, duplicates: 1, orderViolations: 0 },
    ],
    [
      'a planted reordering',
      mesh([one, two, three], [one, three, two]),
      { missing: 0, duplicates: 0, orderViolations: 1 },
    ],
    ['a reordering at the origin', mesh([two, one, three], [two, one, three]), { missing: 0, orderViolations: 2 }],
    ['a topic that holds nothing', [], { missing: 0, duplicates: 0, orderViolations: 0 }],
  ])('counts %s', (_, contents, figures) => {
    expect(auditStreams(contents, acknowledged('1', '2', '3'))).toMatchObject(figures)
  })

  it('lets different origins and keys interleave freely', () => {
    const lanes = ['a', 'b'].flatMap((origin) =>
      ['k', 'l'].map((key) => [1, 2, 3].map((n) => stored(`${origin}${key}${n}`, n, origin, key))),
    )
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(3)), (choices) => {
        const interleave = () => {
          const rest = lanes.map((lane) => [...lane])
          const out: StoredEvent[] = []
          while (out.length < 12) {
            const next = rest[choices.next().value ?? 0]?.shift() ?? rest.find((lane) => lane.length)?.shift()
            if (next) out.push(next)
          }
          return out
        }
        const report = auditStreams(mesh(interleave(), interleave()), [])
        expect(report).toMatchObject({ duplicates: 0, orderViolations: 0, differing: 0 })
      }),
    )
  })
})
