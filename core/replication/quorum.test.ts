import { describe, expect, test } from 'vitest'
import {
  type AppliedReport,
  holdersOf,
  QUORUM_ABSENT_MS,
  QUORUM_SILENT_MS,
  quorumVerdict,
  reportsAgree,
} from './quorum.ts'

const report = (region: string, sequence: number, heardAtMs: number): AppliedReport => ({ region, sequence, heardAtMs })

describe('who holds an event', () => {
  const claim = { sequence: 10, begunAtMs: 1_000 }
  test.each([
    ['nobody reports', [], []],
    ['a report below it', [report('eu', 9, 2_000)], []],
    ['a report of it', [report('eu', 10, 2_000)], ['eu']],
    ['a report beyond it', [report('eu', 99, 1_000)], ['eu']],
    // The log lost its tail 9..99 after the report, and gave number 10 to another event.
    ['a number that was heard before the event was there', [report('eu', 99, 999)], []],
    ['two regions, one behind', [report('eu', 9, 2_000), report('ap', 12, 2_000)], ['ap']],
    ['two regions', [report('eu', 10, 2_000), report('ap', 12, 2_000)], ['eu', 'ap']],
  ])('%s', (_, reports, regions) => {
    expect(holdersOf(claim, reports)).toEqual(regions)
  })

  test('an earlier copy of its own log is held by whoever is beyond it', () => {
    const copy = { ...claim, begunAtMs: Number.NEGATIVE_INFINITY }
    expect(holdersOf(copy, [report('eu', 99, 5)])).toEqual(['eu'])
  })
})

describe('reports and the log', () => {
  const log = {
    stampAt: (sequence: number) => (sequence >= 5 && sequence <= 9 ? BigInt(sequence) : undefined),
    first: 5,
  }

  test.each<[string, number, bigint, boolean]>([
    ['the very record', 7, 7n, true],
    ['another record with its number', 7, 70n, false],
    ['a record that retention has taken', 4, 4n, true],
    ['a record beyond the end: the log has lost it', 10, 10n, false],
    ['nothing yet', 0, 0n, true],
  ])('%s', (_, sequence, stamp, agree) => {
    expect(
      reportsAgree(
        [
          { sequence: 6, stamp: 6n },
          { sequence, stamp },
        ],
        log,
      ),
    ).toBe(agree)
  })
})

describe('the verdict', () => {
  const base = { sequence: 10, begunAtMs: 1_000, sinceMs: 1_010, deadlineAtMs: 4_000 } as const
  const wait = { ...base, fallback: 'wait' } as const
  const degrade = { ...base, fallback: 'degrade' } as const
  const silent = { reports: [report('eu', 9, 900)], absentSinceMs: undefined }
  const gone = { reports: [], absentSinceMs: 0 }
  const justGone = { reports: [], absentSinceMs: 1_000 }
  const held = { reports: [report('eu', 10, 1_020)], absentSinceMs: undefined }

  test.each([
    ['held', wait, held, 1_030, { kind: 'held', regions: ['eu'] }],
    ['held, though the time is over', wait, held, 9_000, { kind: 'held', regions: ['eu'] }],
    ['wait: silent', wait, silent, 3_999, { kind: 'wait', untilMs: 4_000 }],
    ['wait: gone', wait, gone, 1_030, { kind: 'wait', untilMs: 4_000 }],
    ['wait: over', wait, silent, 4_000, { kind: 'late' }],
    ['degrade: held', degrade, held, 1_030, { kind: 'held', regions: ['eu'] }],
    ['degrade: gone for long', degrade, gone, 1_010, { kind: 'degraded' }],
    ['degrade: just gone', degrade, justGone, 1_010, { kind: 'wait', untilMs: 1_000 + QUORUM_ABSENT_MS }],
    ['degrade: silent', degrade, silent, 1_010, { kind: 'wait', untilMs: 1_010 + QUORUM_SILENT_MS }],
    ['degrade: silent for long', degrade, silent, 1_010 + QUORUM_SILENT_MS, { kind: 'degraded' }],
    ['degrade: the caller waits no longer', { ...degrade, deadlineAtMs: 1_500 }, silent, 1_500, { kind: 'degraded' }],
  ] as const)('%s', (_, claim, view, nowMs, verdict) => {
    expect(quorumVerdict(claim, view, nowMs)).toEqual(verdict)
  })
})
