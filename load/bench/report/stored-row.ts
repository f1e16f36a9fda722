import { SCENARIO_NAMES, type ScenarioName } from '../options.ts'
import type { Environment } from './environment.ts'
import type { BenchRow } from './row.ts'

/** What a scenario found. */
export type Measured = { readonly scenario: ScenarioName; readonly rows: readonly BenchRow[] }

/** One entry of `load/results/bench.json`: a figure, and where it comes from. */
export type StoredRow = BenchRow & {
  /** What measured it, one of those that --only takes. */
  readonly scenario: string
  /** The run that measured it: `environment.json` has the rest of it under the same date. */
  readonly run: Pick<Environment, 'date' | 'command' | 'commit'>
}

/**
 * Puts what a run measured among the rows of earlier runs.
 *
 * 1. Of a scenario that the run measured only the run's rows stay: one that it did not produce is not measured any more. A full run
 *    measures every scenario, so nothing else is left behind it.
 * 2. Rows of scenarios that it left out stay as they are; rows of scenarios that there are no more go.
 * 3. Rows with the name, unit and reference of an earlier one take its place; new ones follow.
 */
export function mergeRows(
  existing: readonly StoredRow[],
  measured: readonly Measured[],
  { date, command, commit }: StoredRow['run'],
): StoredRow[] {
  const again = new Set<string>(measured.map(({ scenario }) => scenario))
  const fresh = new Map(
    measured.flatMap(({ scenario, rows }) =>
      rows.map((row) => [identityOf(row), { ...row, scenario, run: { date, command, commit } }] as const),
    ),
  )
  const known = new Set<string>(SCENARIO_NAMES)
  const merged = new Map<string, StoredRow>()
  for (const row of existing) {
    const replaced = fresh.get(identityOf(row))
    if (replaced !== undefined) merged.set(identityOf(row), replaced)
    else if (known.has(row.scenario) && !again.has(row.scenario)) merged.set(identityOf(row), row)
  }
  for (const [identity, row] of fresh) merged.set(identity, row)
  return [...merged.values()]
}

/** The runs that rows are still of, oldest first: those that are known, and this one. */
export function mergeEnvironments(
  existing: readonly Environment[],
  fresh: Environment,
  rows: readonly StoredRow[],
): Environment[] {
  const cited = new Set(rows.map(({ run }) => run.date))
  return [...existing, fresh].filter(({ date }) => cited.has(date))
}

function identityOf(row: BenchRow): string {
  return JSON.stringify([row.name, row.unit, row.against?.name ?? null])
}
