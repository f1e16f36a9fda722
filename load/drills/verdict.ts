import type { AuditReport } from '@landbridge/lab'
import type { DrillLimits } from './drills.ts'
import type { K6Metric } from './k6-run.ts'

/** What a drill measured beyond k6's own figures. */
export type DrillFigures = {
  readonly acknowledged: number
  readonly unacknowledged: number
  /** Why, the most frequent few. */
  readonly unacknowledgedReasons: readonly string[]
  /** Longest time from due to acknowledged in fault and recovery. */
  readonly rtoMs: number
  /** Longest time without an acknowledgement for the clients whose home is the victim, from the fault on. */
  readonly victimSilenceMs: number
  /** Acknowledged events that a region lacks in the end. */
  readonly rpoEvents: number
  /** Acknowledged by the victim before the fault and in no other region while it lasted: lost, had the victim not come back. Null: not asked. */
  readonly exposedEvents: number | null
  /** From the fault until events got across the cut by another route; null: not asked, or not within the fault. */
  readonly rerouteMs: number | null
  /** From the healing until every region held what the others held then; null: not within the limit. */
  readonly convergeMs: number | null
  readonly audit: Omit<AuditReport, 'storedByRegion'> & { readonly storedByRegion: Readonly<Record<string, number>> }
}

/** One demand on a drill. */
export type Check = { readonly name: string; readonly is: string; readonly wanted: string; readonly met: boolean }

/** The limits, each with so much more time. */
export function allowing({ rtoMs, convergeMs, rerouteMs }: DrillLimits, allowanceMs: number): DrillLimits {
  const reroute = rerouteMs === undefined ? {} : { rerouteMs: rerouteMs + allowanceMs }
  return { rtoMs: rtoMs + allowanceMs, convergeMs: convergeMs + allowanceMs, ...reroute }
}

/** All demands: those on the phases that k6 judged, then those of the auditor. A drill has passed when all are met. */
export function judge(
  figures: DrillFigures,
  metrics: Readonly<Record<string, K6Metric>>,
  limits: DrillLimits,
  durability: 'local' | 'quorum' = 'local',
): readonly Check[] {
  const { audit } = figures
  return [
    ...thresholdChecks(metrics),
    atMost('RTO, due to acknowledged', figures.rtoMs, limits.rtoMs, ' ms'),
    ...(limits.rerouteMs === undefined
      ? []
      : [atMost('rerouted around the fault', figures.rerouteMs, limits.rerouteMs, ' ms')]),
    atMost('converged after healing', figures.convergeMs, limits.convergeMs, ' ms'),
    atLeastOne('acknowledged events', figures.acknowledged),
    atMost('RPO, lost events', figures.rpoEvents, 0, ''),
    ...(durability === 'quorum' && figures.exposedEvents !== null
      ? [atMost('events that the lost region held alone', figures.exposedEvents, 0, '')]
      : []),
    atMost('duplicates', audit.duplicates, 0, ''),
    atMost('misordered events', audit.orderViolations, 0, ''),
    atMost('events that differ between regions', audit.differing, 0, ''),
  ]
}

function thresholdChecks(metrics: Readonly<Record<string, K6Metric>>): Check[] {
  const sorted = Object.entries(metrics).sort(([one], [other]) => one.localeCompare(other))
  return sorted.flatMap(([name, { values, thresholds = {} }]) =>
    Object.entries(thresholds).map(([wanted, { ok }]) => {
      const statistic = /^[^<>=! ]+/.exec(wanted)?.[0] ?? ''
      return { name, is: `${statistic} ${rounded(values[statistic])}`, wanted, met: ok }
    }),
  )
}

function atMost(name: string, value: number | null, limit: number, unit: string): Check {
  const is = value === null ? 'not in time' : `${rounded(value)}${unit}`
  return { name, is, wanted: limit === 0 ? '0' : `<= ${limit}${unit}`, met: value !== null && value <= limit }
}

function atLeastOne(name: string, value: number): Check {
  return { name, is: String(value), wanted: '>= 1', met: value >= 1 }
}

function rounded(value: number | undefined): string {
  return value === undefined ? '?' : String(Math.round(value * 10) / 10)
}
