import { addCounts } from './count-faults.ts'
import { longestGapMs, regionGaps } from './gaps.ts'
import { type ChaosReport, problemsOf } from './report.ts'

/** Several runs on one page, for people. */
export function markdownOf(reports: readonly ChaosReport[]): string {
  const total = totalOf(reports)
  const failed = reports.filter((report) => problemsOf(report).length > 0)
  return [
    `Runs: ${reports.length}, ${failed.length} of them failed. ${minutes(total.durationMs)} minutes of publishing.`,
    '',
    '| figure | all runs |',
    '| --- | ---: |',
    ...Object.entries({
      'events tried': total.tried,
      'events acknowledged': total.acknowledged,
      'events whose fate the publisher did not learn': total.ambiguous,
      'faults carried out': total.faults,
      'acknowledged events lost': total.lost,
      'events missing in a region at the end': total.missing,
      'events twice in a region': total.duplicates,
      'order violations': total.order,
      'other violations': total.other,
      'events gone because every copy was wiped on purpose': total.excused,
      'of these, of quorum topics': total.excusedQuorum,
      'of these, such as might not leave their region': total.confined,
      'most memory of a gateway, MiB': total.memoryMiB,
    }).map(([name, value]) => `| ${name} | ${value.toLocaleString('en')} |`),
    '',
    '| faults | times |',
    '| --- | ---: |',
    ...countRows(total.byKind),
    '',
    '| of these | times |',
    '| --- | ---: |',
    ...countRows(total.byVariety),
    '',
    '| publishers at home in | worst publish gap | of quorum topics |',
    '| --- | ---: | ---: |',
    ...regionGaps(reports.flatMap(({ gaps }) => gaps)).map(
      ({ region, worstMs }) => `| ${region} | ${seconds(worstMs.local)} | ${seconds(worstMs.quorum)} |`,
    ),
    '',
    '| seed | minutes | events | faults | lost | twice | order | wiped | converged | worst publish gap | of quorum topics | result |',
    '| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...reports.map(rowOf),
    '',
  ].join('\n')
}

function countRows(counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(counts)
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `| ${name} | ${count} |`)
}

function rowOf(report: ChaosReport): string {
  const { seed, durationMs, events, faults, verdict, convergedMs, gaps } = report
  const { counts, excused } = verdict
  const cells = [
    seed,
    minutes(durationMs),
    events.acknowledged.toLocaleString('en'),
    faults.done,
    counts.lost + counts.missing + counts.differing,
    counts.duplicate,
    counts.order + counts.keyOrder,
    excused.events,
    convergedMs === undefined ? 'never' : seconds(convergedMs),
    seconds(longestGapMs(gaps, 'local')),
    seconds(longestGapMs(gaps, 'quorum')),
    problemsOf(report).length === 0 ? 'passed' : `failed: ${problemsOf(report)[0]}`,
  ]
  return `| ${cells.join(' | ')} |`
}

function totalOf(reports: readonly ChaosReport[]) {
  const total = {
    durationMs: 0,
    tried: 0,
    acknowledged: 0,
    ambiguous: 0,
    faults: 0,
    lost: 0,
    missing: 0,
    duplicates: 0,
    order: 0,
    other: 0,
    excused: 0,
    excusedQuorum: 0,
    confined: 0,
    memoryMiB: 0,
  }
  for (const { durationMs, events, faults, verdict, memory } of reports) {
    const { lost, missing, differing, duplicate, order, keyOrder } = verdict.counts
    total.durationMs += durationMs
    total.tried += events.tried
    total.acknowledged += events.acknowledged
    total.ambiguous += events.ambiguous
    total.faults += faults.done
    total.lost += lost
    total.missing += missing + differing
    total.duplicates += duplicate
    total.order += order + keyOrder
    total.other += verdict.total - lost - missing - differing - duplicate - order - keyOrder
    total.excused += verdict.excused.events
    total.excusedQuorum += verdict.excused.quorum
    total.confined += verdict.excused.confined
    total.memoryMiB = Math.max(total.memoryMiB, ...Object.values(memory.worstMiB))
  }
  return { ...total, ...addCounts(reports.map(({ faults }) => faults)) }
}

function minutes(ms: number): string {
  return (ms / 60_000).toFixed(1)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
