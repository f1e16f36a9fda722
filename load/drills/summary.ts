import type { DrillReport } from './drive.ts'

const PHASES = ['baseline', 'fault', 'recovery'] as const

/** A drill's report for people. */
export function summaryText(report: DrillReport): string {
  const { drill, story, figures, checks, passed } = report
  const phases = PHASES.map((phase) => {
    const { count = 0, med = 0, max = 0, ...rest } = report.latenciesMs[phase]
    return [phase, count, med, rest['p(95)'] ?? 0, rest['p(99)'] ?? 0, max].map((cell) =>
      typeof cell === 'number' ? String(Math.round(cell * 10) / 10) : cell,
    )
  })
  const latencies = aligned([['phase', 'events', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'], ...phases])
  const judged = aligned(checks.map(({ met, name, is, wanted }) => [met ? 'ok' : 'FAILED', name, is, wanted]))
  return [
    `Drill ${drill}: ${story}`,
    '',
    ...latencies,
    '',
    `RTO                 ${milliseconds(figures.rtoMs)} (longest time from an event being due to its acknowledgement, fault and recovery)`,
    `victim's silence    ${milliseconds(figures.victimSilenceMs)} (longest time without an acknowledgement for its own clients)`,
    `RPO                 ${figures.rpoEvents} of ${figures.acknowledged} acknowledged events lost`,
    ...(figures.exposedEvents === null
      ? []
      : [
          `exposed             ${figures.exposedEvents} acknowledged events were nowhere else while the region was gone`,
        ]),
    ...(report.asksReroute ? [`rerouted after      ${milliseconds(figures.rerouteMs)} (around the cut)`] : []),
    `converged after     ${milliseconds(figures.convergeMs)} (from the healing)`,
    `not acknowledged    ${figures.unacknowledged}`,
    ...figures.unacknowledgedReasons.map((reason) => `  ${reason}`),
    '',
    ...judged,
    ...figures.audit.examples.map((example) => `  ${example}`),
    '',
    passed ? 'PASSED' : 'FAILED',
    '',
  ].join('\n')
}

function milliseconds(value: number | null): string {
  return value === null ? 'never' : `${Math.round(value)} ms`
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
