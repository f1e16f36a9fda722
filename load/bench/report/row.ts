import { type Summary, summarize } from './statistics.ts'

/** What a figure is compared with. */
export type Reference = {
  readonly name: string
  readonly value: number
  readonly spread: readonly [min: number, max: number]
}

/** One figure. Names are stable: a later run replaces the row with the same name and reference. */
export type BenchRow = {
  /** "<what>, <under which conditions>". */
  readonly name: string
  /** Median of the rounds, or the worst of them where the row's name says so. */
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

/** A bound on a figure, in most kinds against its reference. */
export type Goal =
  /** value <= limit (in the row's unit), whatever the reference does. */
  | { readonly kind: 'at-most'; readonly limit: number }
  /** value >= limit (in the row's unit), whatever the reference does. */
  | { readonly kind: 'no-less'; readonly limit: number }
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
  /** What stands for all rounds: the middle one (default), or the highest of them. */
  readonly stands?: 'median' | 'highest'
}

/**
 * Judges medians, so that one disturbed round decides nothing.
 * @throws {Error} no rounds, or a goal against a reference that is not there
 */
export function toRow(comparison: Comparison): BenchRow {
  const { name, unit, goal, against, stands = 'median' } = comparison
  const own = summarize(comparison.rounds)
  const value = stands === 'median' ? own.median : own.max
  const other = against === undefined ? undefined : summarize(against.rounds)
  const otherValue = stands === 'median' ? other?.median : other?.max
  return {
    name,
    value,
    unit,
    spread: spreadOf(own),
    against:
      against === undefined || other === undefined || otherValue === undefined
        ? null
        : { name: against.name, value: otherValue, spread: spreadOf(other) },
    ratio: otherValue === undefined || otherValue === 0 ? null : value / otherValue,
    goal: goal === undefined ? null : describeGoal(goal, unit),
    met: goal === undefined ? null : isMet(goal, name, value, otherValue),
  }
}

function spreadOf(summary: Summary): readonly [number, number] {
  return [summary.min, summary.max]
}

function describeGoal(goal: Goal, unit: string): string {
  switch (goal.kind) {
    case 'at-most':
      return `<= ${goal.limit} ${unit}`
    case 'no-less':
      return `>= ${goal.limit} ${unit}`
    case 'at-least':
      return `>= ${goal.times}x`
    case 'at-most-over':
      return `<= +${goal.over} ${unit}`
  }
}

function isMet(goal: Goal, name: string, value: number, reference: number | undefined): boolean {
  if (goal.kind === 'at-most') return value <= goal.limit
  if (goal.kind === 'no-less') return value >= goal.limit
  if (reference === undefined)
    throw new Error(`judge "${name}": a goal without a reference, wanted something to compare with`)
  return goal.kind === 'at-least' ? value >= goal.times * reference : value <= reference + goal.over
}
