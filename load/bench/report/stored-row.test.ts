import { describe, expect, test } from 'vitest'

import { SCENARIO_NAMES, type ScenarioName } from '../options.ts'
import type { Environment } from './environment.ts'
import { type BenchRow, toRow } from './row.ts'
import { mergeEnvironments, mergeRows, type StoredRow } from './stored-row.ts'

const OLD = { date: '2026-01-01T00:00:00.000Z', command: 'bench', commit: 'aaaaaaaaaaaa' }
const NEW = { date: '2026-02-02T00:00:00.000Z', command: 'bench --only unary', commit: 'bbbbbbbbbbbb' }

function row(name: string, value: number, against?: string): BenchRow {
  return toRow({
    name,
    unit: 'events/s',
    rounds: [value],
    against: against === undefined ? undefined : { name: against, rounds: [1] },
  })
}

function stored(scenario: string, ...rows: readonly BenchRow[]): StoredRow[] {
  return rows.map((each) => ({ ...each, scenario, run: OLD }))
}

/** What there is, in short: name, value, day of the run. */
function shorten(rows: readonly StoredRow[]) {
  return rows.map(({ name, value, run }) => [name, value, run === OLD ? 'old' : run.commit])
}

describe('mergeRows', () => {
  // Rows of a probe that another had replaced stood in the results after every full run, with a p99 that nobody measured any more.
  test('a full run leaves only what it produced', () => {
    const existing = [...stored('unary', row('gone', 1), row('kept', 1)), ...stored('replication', row('gone, too', 1))]
    const measured = SCENARIO_NAMES.map((scenario) => ({ scenario, rows: [row(scenario, 2)] }))
    const merged = mergeRows(existing, [{ scenario: 'unary', rows: [row('kept', 2)] }, ...measured], NEW)
    expect(merged.map(({ name }) => name)).toEqual(['kept', ...SCENARIO_NAMES])
    expect(new Set(merged.map(({ run }) => run.date))).toEqual(new Set([NEW.date]))
  })

  test('a partial run replaces the rows of its scenarios in their places, keeps all others, and drops those of no scenario', () => {
    const existing = [
      ...stored('publish-stream', row('a', 1, 'x')),
      ...stored('unary', row('b', 1, 'x'), row('not measured any more', 1), row('b', 1, 'y')),
      ...stored('a scenario of old', row('c', 1)),
      ...stored('operator', row('d', 1)),
    ]
    const rows = [row('b', 2, 'y'), row('b', 3, 'x'), row('new', 4)]
    const merged = mergeRows(existing, [{ scenario: 'unary', rows }], NEW)
    expect(shorten(merged)).toEqual([
      ['a', 1, 'old'],
      ['b', 3, NEW.commit],
      ['b', 2, NEW.commit],
      ['d', 1, 'old'],
      ['new', 4, NEW.commit],
    ])
    expect(merged.map(({ scenario }) => scenario)).toEqual(['publish-stream', 'unary', 'unary', 'operator', 'unary'])
  })

  test('a scenario that is measured in several modes keeps the rows of all of them', () => {
    const scenario: ScenarioName = 'replication'
    const measured = [
      { scenario, rows: [row('sync always', 1)] },
      { scenario, rows: [row('sync default', 2)] },
    ]
    expect(shorten(mergeRows([], measured, NEW))).toEqual([
      ['sync always', 1, NEW.commit],
      ['sync default', 2, NEW.commit],
    ])
  })

  test('a row says no more of its run than what tells it from others', () => {
    const [merged] = mergeRows([], [{ scenario: 'unary', rows: [row('a', 1)] }], environment(NEW))
    expect(merged?.run).toEqual(NEW)
  })
})

test('of earlier runs those stay that a row still cites', () => {
  const rows = [...stored('unary', row('a', 1))]
  const unused = { ...OLD, date: '2025-12-31T00:00:00.000Z' }
  const merged = mergeRows(rows, [{ scenario: 'operator', rows: [row('b', 1)] }], NEW)
  const runs = mergeEnvironments([environment(unused), environment(OLD)], environment(NEW), merged)
  expect(runs.map(({ date }) => date)).toEqual([OLD.date, NEW.date])
})

function environment(run: StoredRow['run']): Environment {
  const machine = { cpu: 'x', cores: 2, memoryGiB: 1, system: 'x', node: 'x', natsServer: 'x' }
  return { ...run, ...machine, loadBefore: 0, rounds: 5 }
}
