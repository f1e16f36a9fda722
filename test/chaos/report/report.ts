import type { CheckReport } from '../check/check.ts'
import { VIOLATIONS, type ViolationKind } from '../check/violation.ts'
import type { FaultCounts } from './count-faults.ts'
import {
  type GapLimits,
  gapProblemsOf,
  gapWords,
  type PublisherGap,
  regionGaps,
  regionGapWords,
  worstGaps,
} from './gaps.ts'

const PROBLEM_LENGTH_MAX = 300

/** Everything that a run found out. */
export type ChaosReport = {
  readonly seed: number
  readonly folder: string
  readonly durationMs: number
  readonly events: {
    readonly tried: number
    readonly acknowledged: number
    readonly ambiguous: number
    readonly refused: number
  }
  readonly faults: FaultCounts & {
    readonly planned: number
    readonly done: number
    /** Faults that the lab could not bring about. */
    readonly problems: readonly string[]
  }
  readonly verdict: CheckReport
  /** From the end of the last fault until all regions held the same; undefined when they never did. */
  readonly convergedMs: number | undefined
  /** How long each publisher waited at most without any acknowledgement. */
  readonly gaps: readonly PublisherGap[]
  readonly gapLimitMs: GapLimits
  readonly memory: { readonly limitMiB: number; readonly worstMiB: Readonly<Record<string, number>> }
  readonly subscribers: readonly {
    readonly region: string
    readonly topic: string
    readonly delivered: number
    /** Events that it was shown once more. */
    readonly repeated: number
    /** Why its subscriptions ended although nobody closed them. */
    readonly ends: readonly string[]
    /**
     * The region was made to forget something of the topic. A subscription may end when its stream is made anew, or
     * shorter than what was read of it, and begins anew; and what is given back is stored, and shown, once more.
     */
    readonly forgot: boolean
  }[]
  /** Processes that ended on their own. */
  readonly crashes: readonly string[]
  /** Errors that are not of the mesh's kinds. */
  readonly unexpected: readonly string[]
}

/** A region may be cut off for half a minute, and needs as long again to hand on what it stored; nothing stays behind for longer. */
const WIPED_AGE_MAX_MS = 60_000

/** Why a run failed, a line each; empty when it passed. */
export function problemsOf(report: ChaosReport): readonly string[] {
  const { verdict, memory, subscribers, crashes, unexpected, faults, convergedMs } = report
  const problems = Object.entries(verdict.counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${VIOLATIONS[kind as ViolationKind]}`)
  if (verdict.excused.quorum > 0) {
    problems.push(`${verdict.excused.quorum} events that a quorum had acknowledged went with wiped stores`)
  }
  if (verdict.excused.ageMs > WIPED_AGE_MAX_MS) {
    problems.push(`events ${verdict.excused.ageMs} ms old were in no other region when theirs forgot them`)
  }
  if (convergedMs === undefined) problems.push('the regions did not come to hold the same in time')
  for (const [name, mib] of Object.entries(memory.worstMiB)) {
    if (mib > memory.limitMiB) problems.push(`${name} had ${mib} MiB, wanted at most ${memory.limitMiB}`)
  }
  for (const { region, topic, ends, repeated, forgot } of subscribers) {
    if (forgot) continue
    if (ends.length > 0) problems.push(`a subscriber of ${topic} in ${region} ended: ${ends[0]}`)
    if (repeated > 0) problems.push(`a subscriber of ${topic} in ${region} was shown ${repeated} events twice`)
  }
  problems.push(...gapProblemsOf(report.gaps, report.gapLimitMs))
  return [...problems, ...[...crashes, ...unexpected, ...faults.problems].map(inShort)]
}

/** A log's tail would hide the rest; report.json has it. */
function inShort(problem: string): string {
  const [line = ''] = problem.split('\n')
  return line.length > PROBLEM_LENGTH_MAX ? `${line.slice(0, PROBLEM_LENGTH_MAX)} ...` : line
}

/** A report for people. */
export function summaryOf(report: ChaosReport): string {
  const { seed, events, faults, verdict, gaps, memory, convergedMs } = report
  const { counts, excused } = verdict
  const countsOf = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  const row = (name: string, text: string | number) => `  ${name.padEnd(22)} ${text}`
  const perRegion = (values: Readonly<Record<string, number>>, unit: string) =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}${unit}`)
      .join(', ')
  const problems = problemsOf(report)
  return [
    `seed ${seed}: ${problems.length === 0 ? 'PASSED' : 'FAILED'}`,
    row(
      'events',
      `${events.tried} tried, ${events.acknowledged} acknowledged, ${events.ambiguous} unclear, ${events.refused} refused`,
    ),
    row('faults', `${faults.done} of ${faults.planned} (${countsOf(faults.byKind)})`),
    row('of these', countsOf(faults.byVariety)),
    row(
      'lost',
      `${counts.lost} (${excused.events} more by wiping every copy: ${excused.confined} that might have none, others at most ${excused.ageMs} ms old; of quorum topics ${excused.quorum})`,
    ),
    row(
      'quorum batches',
      `${verdict.batched.narrow} of ${verdict.batched.events} events have a receipt that names one region`,
    ),
    row('missing somewhere', counts.missing + counts.differing),
    row('duplicates', counts.duplicate),
    row('order violations', counts.order + counts.keyOrder),
    row('converged after', convergedMs === undefined ? 'never' : `${convergedMs} ms`),
    row('worst publish gap', worstGaps(gaps).map(gapWords).join(', ')),
    row('gap by home region', regionGaps(gaps).map(regionGapWords).join(', ')),
    row('gateway memory', perRegion(memory.worstMiB, ' MiB')),
    ...problems.map((problem) => `  PROBLEM ${problem}`),
    ...verdict.examples.slice(0, 20).map(({ kind, topic, region, event, text }) => {
      const name = event === undefined ? '' : ` publisher ${event.publisher} number ${event.number}`
      return `    ${kind} ${topic} ${region}${name}: ${text}`
    }),
    ...(problems.length === 0 ? [] : [`  everything that explains it: ${report.folder}`]),
  ].join('\n')
}
