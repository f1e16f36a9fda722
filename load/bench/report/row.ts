import { type Summary, summarize } from './statistics.ts'

/** What a figure is compared with. */
export type Reference = {
  readonly name: string
  readonly value: number
  readonly spread: readonly [min: number, max: number]
}

/** One line of `load/results/bench.json`. Names are stable: a later run replaces the row with the same name and reference. */
export type BenchRow = {
  /** "<what>, <under which conditions>". */
  readonly name: string
  /** Median of the rounds. */
  readonly value: number
  readonly unit: string
  /** Lowest and highest round. */
  readonly spread: readonly [min: number, max: number]
  /** Measured in the same run, in turns with this; null for a figure that stands alone. */
  readonly against: Reference | null
  /** value / against.value; null without a reference. */
  readonly ratio: number | null
  /** What is wanted, in words such as ">= 3x"; null when nothing was set. */
  readonly goal: string | null
  /** Whether the medians reach the goal; null without one. */
  readonly met: boolean | null
}

/** A bound on a figure against its reference. */
export type Goal =
  /** value >= times * reference, for rates. */
  | { readonly kind: 'at-least'; readonly times: number }
  /** value <= reference + over (in the row's unit), for latencies. */
  | { readonly kind: 'at-most-over'; readonly over: number }

/** The rounds of the contender and, when there is one, of its reference. */
export type Comparison = {
  readonly name: string
  readonly unit: string
  readonly rounds: readonly number[]
  readonly against?: { readonly name: string; readonly rounds: readonly number[] } | undefined
  readonly goal?: Goal | undefined
}

/**
 * Judges medians, so that one disturbed round decides nothing.
 * @throws {Error} no rounds, or a goal without a reference
 */
export function toRow(comparison: Comparison): BenchRow {
  const { name, unit, goal, against } = comparison
  const own = summarize(comparison.rounds)
  if (against === undefined) {
    if (goal !== undefined)
      throw new Error(`judge "${name}": a goal without a reference, wanted something to compare with`)
    return { name, value: own.median, unit, spread: spreadOf(own), against: null, ratio: null, goal: null, met: null }
  }
  const other = summarize(against.rounds)
  return {
    name,
    value: own.median,
    unit,
    spread: spreadOf(own),
    against: { name: against.name, value: other.median, spread: spreadOf(other) },
    ratio: other.median === 0 ? null : own.median / other.median,
    goal: goal === undefined ? null : describeGoal(goal, unit),
    met: goal === undefined ? null : isMet(goal, own.median, other.median),
  }
}

/** Rows that the run made replace those with the same name and reference and keep their places; all others stay; new ones follow. */
export function mergeRows(existing: readonly BenchRow[], fresh: readonly BenchRow[]): BenchRow[] {
  const merged = new Map(existing.map((row) => [identityOf(row), row]))
  for (const row of fresh) merged.set(identityOf(row), row)
  return [...merged.values()]
}

function identityOf(row: BenchRow): string {
  return JSON.stringify([row.name, row.unit, row.against?.name ?? null])
}

function spreadOf(summary: Summary): readonly [number, number] {
  return [summary.min, summary.max]
}

function describeGoal(goal: Goal, unit: string): string {
  return goal.kind === 'at-least' ? `>= ${goal.times}x` : `<= +${goal.over} ${unit}`
}

function isMet(goal: Goal, value: number, reference: number): boolean {
  return goal.kind === 'at-least' ? value >= goal.times * reference : value <= reference + goal.over
}
