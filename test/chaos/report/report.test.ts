import { expect, it } from 'vitest'
import { Violations } from '../check/violation.ts'
import { addCounts, countFaults } from './count-faults.ts'
import { markdownOf } from './markdown.ts'
import { type ChaosReport, problemsOf, summaryOf } from './report.ts'

function reportWith(changes: Partial<ChaosReport> = {}): ChaosReport {
  return {
    seed: 7,
    folder: '/tmp/seed-7',
    durationMs: 300_000,
    events: { tried: 1_010, acknowledged: 1_000, ambiguous: 10, refused: 0 },
    faults: { planned: 3, done: 3, byKind: { kill: 2, cut: 1 }, byVariety: { 'links delay': 1 }, problems: [] },
    verdict: {
      counts: new Violations().counts,
      total: 0,
      examples: [],
      excused: { events: 2, quorum: 0, confined: 1, ageMs: 900 },
      batched: { events: 100, narrow: 2 },
      storedByRegion: { a: 1_000 },
    },
    convergedMs: 1_500,
    gaps: [
      { publisher: 'orders of a', home: 'a', topic: 't/orders', durability: 'local', worstMs: 800 },
      { publisher: 'orders of b', home: 'b', topic: 't/orders', durability: 'local', worstMs: 2_300 },
      { publisher: 'payments of a', home: 'a', topic: 't/payments', durability: 'quorum', worstMs: 14_000 },
    ],
    gapLimitMs: { local: 20_000, quorum: 45_000 },
    memory: { limitMiB: 600, worstMiB: { 'a/gateway-0': 250 } },
    subscribers: [{ region: 'a', topic: 't/orders', delivered: 1_000, repeated: 0, ends: [], forgot: false }],
    crashes: [],
    unexpected: [],
    ...changes,
  }
}

it('passes a run in which nothing went wrong', () => {
  expect(problemsOf(reportWith())).toEqual([])
  expect(summaryOf(reportWith())).toContain('seed 7: PASSED')
  expect(summaryOf(reportWith())).toContain('t/orders 2300 ms (orders of b), t/payments 14000 ms (payments of a)')
  expect(summaryOf(reportWith())).toContain('a 800 ms (quorum topics 14000 ms), b 2300 ms (quorum topics 0 ms)')
  expect(summaryOf(reportWith())).toMatch(/faults +3 of 3 \(kill 2, cut 1\)\n +of these +links delay 1\n/)
})

it('lets a subscriber end and be shown events again where its region forgot them', () => {
  const subscriber = { region: 'a', topic: 't/orders', delivered: 9, repeated: 2, ends: ['made anew'], forgot: true }
  expect(problemsOf(reportWith({ subscribers: [subscriber] }))).toEqual([])
})

it('counts the kinds of faults, and the ways in which they came', () => {
  const done = [
    { kind: 'link', variety: 'links delay' },
    { kind: 'cut', variety: 'links delay' },
    { kind: 'clock', variety: undefined },
  ]
  const counts = { byKind: { link: 1, cut: 1, clock: 1 }, byVariety: { 'links delay': 2 } }
  expect(countFaults(done)).toEqual(counts)
  expect(addCounts([counts, { byKind: { cut: 1 }, byVariety: {} }])).toEqual({
    byKind: { link: 1, cut: 2, clock: 1 },
    byVariety: { 'links delay': 2 },
  })
})

it.each<[string, Partial<ChaosReport>, string]>([
  ['regions that never came to hold the same', { convergedMs: undefined }, 'did not come to hold the same'],
  ['memory', { memory: { limitMiB: 600, worstMiB: { 'a/gateway-0': 601 } } }, 'a/gateway-0 had 601 MiB'],
  [
    'a subscriber that ended',
    { subscribers: [{ region: 'a', topic: 't/orders', delivered: 1, repeated: 0, ends: ['why'], forgot: false }] },
    'a subscriber of t/orders in a ended: why',
  ],
  [
    'a subscriber that was shown events twice',
    { subscribers: [{ region: 'a', topic: 't/orders', delivered: 9, repeated: 2, ends: [], forgot: false }] },
    'a subscriber of t/orders in a was shown 2 events twice',
  ],
  [
    'a quorum topic that was stuck while the others went on',
    {
      gaps: [
        ...reportWith().gaps,
        { publisher: 'p', home: 'a', topic: 't/payments', durability: 'quorum', worstMs: 45_001 },
      ],
    },
    'p (t/payments, quorum) waited 45001 ms for an acknowledgement, wanted at most 45000',
  ],
  [
    'a local topic that was stuck for less than a quorum topic may be',
    { gaps: [{ publisher: 'p', home: 'a', topic: 't/orders', durability: 'local', worstMs: 20_001 }] },
    'p (t/orders, local) waited 20001 ms',
  ],
  ['a process that ended on its own', { crashes: ['gateway ended\nlog'] }, 'gateway ended'],
  [
    'a fault that could not be had',
    { faults: { planned: 1, done: 0, byKind: {}, byVariety: {}, problems: ['#1 no'] } },
    '#1 no',
  ],
  [
    'what a quorum had and wiped stores took',
    { verdict: { ...reportWith().verdict, excused: { events: 5, quorum: 4, confined: 0, ageMs: 900 } } },
    '4 events that a quorum had acknowledged went with wiped stores',
  ],
  [
    'an event that should have been elsewhere long before its region forgot it',
    { verdict: { ...reportWith().verdict, excused: { events: 5, quorum: 0, confined: 0, ageMs: 60_001 } } },
    'events 60001 ms old were in no other region',
  ],
  [
    'a violation',
    { verdict: { ...reportWith().verdict, counts: { ...new Violations().counts, lost: 3 }, total: 3 } },
    '3 acknowledged events that no region holds',
  ],
])('fails for %s', (_, changes, problem) => {
  const report = reportWith(changes)
  expect(problemsOf(report)).toEqual([expect.stringContaining(problem)])
  expect(summaryOf(report)).toMatch(/FAILED[\s\S]*everything that explains it: \/tmp\/seed-7/)
})

it('puts several runs on one page', () => {
  const page = markdownOf([reportWith(), reportWith({ seed: 8, convergedMs: undefined })])
  expect(page).toContain('Runs: 2, 1 of them failed. 10.0 minutes of publishing.')
  expect(page).toContain('| events acknowledged | 2,000 |')
  expect(page).toContain('| kill | 4 |')
  expect(page).toContain('| links delay | 2 |')
  expect(page).toContain('| a | 0.8 s | 14.0 s |')
  expect(page).toContain('| b | 2.3 s | 0.0 s |')
  expect(page).toContain('| 7 | 5.0 | 1,000 | 3 | 0 | 0 | 0 | 2 | 1.5 s | 2.3 s | 14.0 s | passed |')
})
