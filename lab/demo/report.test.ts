import { describe, expect, it } from 'vitest'
import type { AuditReport } from '../audit.ts'
import { closingReport, type RegionOutcome } from './report.ts'

const clean: AuditReport = {
  storedByRegion: new Map([
    ['a', 5],
    ['b', 5],
  ]),
  missing: 0,
  duplicates: 0,
  orderViolations: 0,
  differing: 0,
  examples: [],
}
const outcomes: RegionOutcome[] = [
  { region: 'a', published: 2, publishGapMs: 1234.5, delivered: 5, repeated: 0 },
  { region: 'b', published: 3, publishGapMs: 9, delivered: 5, repeated: 0 },
]

describe('closingReport', () => {
  it('has no problem when every number is right', () => {
    const report = closingReport(outcomes, clean)
    expect(report.problems).toEqual([])
    expect(report.lines[1]).toBe('a               2       5          5            1235')
  })

  it.each([
    ['missing', { ...clean, missing: 1 }, outcomes],
    ['duplicates', { ...clean, duplicates: 1 }, outcomes],
    ['order violations', { ...clean, orderViolations: 1 }, outcomes],
    ['differing', { ...clean, differing: 1 }, outcomes],
    ['b stores 4', { ...clean, storedByRegion: new Map([...clean.storedByRegion, ['b', 4]]) }, outcomes],
    ['delivered 4', clean, outcomes.map((outcome) => ({ ...outcome, delivered: 4 }))],
    ['delivered again', clean, outcomes.map((outcome) => ({ ...outcome, repeated: 1 }))],
    [
      'published: 0',
      { ...clean, storedByRegion: new Map() },
      outcomes.map((o) => ({ ...o, published: 0, delivered: 0 })),
    ],
  ] as const)('fails on %s', (name, audit, regions) => {
    expect(closingReport(regions, audit).problems.join('\n')).toContain(name)
  })
})
