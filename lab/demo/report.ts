import type { AuditReport } from '../audit.ts'
import { alignedTable } from './progress.ts'

/** What the demo found out about one region. */
export type RegionOutcome = {
  readonly region: string
  /** Acknowledged to the service of this region, wherever they were stored. */
  readonly published: number
  /** The longest time that the service waited for an acknowledgement, ms. */
  readonly publishGapMs: number
  readonly delivered: number
  /** Shown to the subscriber more than once. */
  readonly repeated: number
}

/** The closing table, and what is wrong with it: no problem means that the demo passed. */
export function closingReport(
  outcomes: readonly RegionOutcome[],
  audit: AuditReport,
): { readonly lines: readonly string[]; readonly problems: string[] } {
  const published = outcomes.reduce((sum, outcome) => sum + outcome.published, 0)
  const rows = outcomes.map((outcome) => [
    outcome.region,
    String(outcome.published),
    String(audit.storedByRegion.get(outcome.region) ?? 0),
    String(outcome.delivered),
    outcome.publishGapMs.toFixed(0),
  ])
  const table = alignedTable([['region', 'published', 'stored', 'delivered', 'publish gap ms'], ...rows], [1, 2, 3, 4])
  const figures = alignedTable(
    [
      ['published in all', String(published)],
      ['missing', String(audit.missing)],
      ['duplicates', String(audit.duplicates)],
      ['order violations', String(audit.orderViolations)],
      ['differing between regions', String(audit.differing)],
    ],
    [1],
  )
  return { lines: [...table, '', ...figures], problems: problemsOf(outcomes, audit, published) }
}

function problemsOf(outcomes: readonly RegionOutcome[], audit: AuditReport, published: number): string[] {
  const problems: string[] = []
  const expectZero = (name: string, count: number) => void (count > 0 && problems.push(`${name}: ${count}, wanted 0`))
  expectZero('missing', audit.missing)
  expectZero('duplicates', audit.duplicates)
  expectZero('order violations', audit.orderViolations)
  expectZero('differing between regions', audit.differing)
  if (published === 0) problems.push('published: 0, wanted some events')
  for (const outcome of outcomes) {
    const stored = audit.storedByRegion.get(outcome.region) ?? 0
    if (stored < published) problems.push(`${outcome.region} stores ${stored} events, wanted at least ${published}`)
    if (outcome.delivered < stored) problems.push(`${outcome.region} delivered ${outcome.delivered}, wanted ${stored}`)
    expectZero(`${outcome.region} delivered again`, outcome.repeated)
  }
  return [...problems, ...audit.examples]
}
