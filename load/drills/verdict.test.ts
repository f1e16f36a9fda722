import { expect, test } from 'vitest'
import { allowing, type DrillFigures, judge } from './verdict.ts'

const clean: DrillFigures = {
  acknowledged: 100,
  unacknowledged: 0,
  unacknowledgedReasons: [],
  rtoMs: 800,
  victimSilenceMs: 700,
  rpoEvents: 0,
  exposedEvents: 3,
  rerouteMs: null,
  convergeMs: 900,
  audit: { missing: 0, duplicates: 0, orderViolations: 0, differing: 0, storedByRegion: {}, examples: [] },
}
const metrics = {
  'publish_ms{phase:fault}': { values: { 'p(95)': 12.34 }, thresholds: { 'p(95)<3000': { ok: true } } },
  attempts: { values: { count: 100 } },
}
const limits = { rtoMs: 2_000, convergeMs: 5_000 }
const failing = (figures: DrillFigures, k6 = metrics as Parameters<typeof judge>[1]) =>
  judge(figures, k6, limits)
    .filter(({ met }) => !met)
    .map(({ name }) => name)

test('a clean drill meets all, with what k6 judged first', () => {
  const checks = judge(clean, metrics, limits)
  expect(checks[0]).toEqual({ name: 'publish_ms{phase:fault}', is: 'p(95) 12.3', wanted: 'p(95)<3000', met: true })
  expect(checks.every(({ met }) => met)).toBe(true)
})

test.each<[Partial<DrillFigures>, string]>([
  [{ rpoEvents: 1 }, 'RPO, lost events'],
  [{ rtoMs: 2_001 }, 'RTO, due to acknowledged'],
  [{ convergeMs: null }, 'converged after healing'],
  [{ acknowledged: 0 }, 'acknowledged events'],
  [{ audit: { ...clean.audit, duplicates: 1 } }, 'duplicates'],
  [{ audit: { ...clean.audit, orderViolations: 1 } }, 'misordered events'],
  [{ audit: { ...clean.audit, differing: 1 } }, 'events that differ between regions'],
])('%j fails one check', (change, name) => {
  expect(failing({ ...clean, ...change })).toEqual([name])
})

test('a way around the fault is judged where there is one', () => {
  const around = allowing({ ...limits, rerouteMs: 500 }, 500)
  const verdict = (rerouteMs: number | null) =>
    judge({ ...clean, rerouteMs }, metrics, around).find(({ name }) => name === 'rerouted around the fault')
  expect(verdict(900)).toMatchObject({ is: '900 ms', met: true })
  expect(verdict(null)).toMatchObject({ is: 'not in time', met: false })
})

test('what only the lost region held fails a quorum topic', () => {
  const name = 'events that the lost region held alone'
  const verdict = (exposedEvents: number) =>
    judge({ ...clean, exposedEvents }, metrics, limits, 'quorum').find((check) => check.name === name)
  expect(verdict(0)).toMatchObject({ met: true })
  expect(verdict(1)).toMatchObject({ met: false })
  expect(judge(clean, metrics, limits).some((check) => check.name === name)).toBe(false)
})

test('a threshold that k6 saw crossed fails', () => {
  const crossed = { unacknowledged: { values: { count: 2 }, thresholds: { 'count==0': { ok: false } } } }
  expect(failing(clean, crossed)).toEqual(['unacknowledged'])
})
