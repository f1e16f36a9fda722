/** What the demo shows of one region. */
export type RegionProgress = {
  readonly region: string
  readonly state: 'starting' | 'up' | 'down'
  /** Acknowledged so far to the service that lives in this region. */
  readonly published: number
  /** Events per second, over the last second. */
  readonly publishRate: number
  /** Where the service's last event was stored: its own region, or the one that stood in for it. */
  readonly publishedTo: string
  /** Shown to the subscriber of this region. */
  readonly delivered: number
  readonly deliverRate: number
  /** Events that other regions hold and this one does not yet; undefined while nobody can tell. */
  readonly lagEvents: number | undefined
  readonly lagSeconds: number | undefined
}

export type DemoProgress = {
  readonly elapsedSeconds: number
  readonly durationSeconds: number
  readonly phase: string
  readonly regions: readonly RegionProgress[]
}

const header = ['region', 'state', 'published', 'per s', 'stored by', 'delivered', 'per s', 'behind']
const stateMarks = { starting: '◌ starting', up: '● up', down: '✗ down' } as const

/** The live view as lines of text, without colours. */
export function progressLines(progress: DemoProgress): readonly string[] {
  const rows = progress.regions.map((region) => [
    region.region,
    stateMarks[region.state],
    region.published.toLocaleString('en'),
    region.publishRate.toFixed(0),
    region.publishedTo,
    region.delivered.toLocaleString('en'),
    region.deliverRate.toFixed(0),
    lagText(region),
  ])
  return [progressBar(progress), '', ...alignedTable([header, ...rows], [2, 3, 5, 6, 7]), '']
}

/** One line for a log that is not a terminal. */
export function progressLine(progress: DemoProgress): string {
  const regions = progress.regions.map(
    (region) =>
      `${region.region} ${region.state} published ${region.published} delivered ${region.delivered} behind ${lagText(region)}`,
  )
  return `${progress.elapsedSeconds.toFixed(0).padStart(3)} s  ${progress.phase}  |  ${regions.join('  |  ')}`
}

function lagText(region: RegionProgress): string {
  if (region.lagEvents === undefined) return region.state === 'down' ? '-' : 'unknown'
  if (region.lagEvents === 0) return '0'
  return `${region.lagEvents.toLocaleString('en')} (${(region.lagSeconds ?? 0).toFixed(1)} s)`
}

function progressBar({ elapsedSeconds, durationSeconds, phase }: DemoProgress): string {
  const width = 30
  const filled = Math.min(width, Math.round((elapsedSeconds / durationSeconds) * width))
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${elapsedSeconds.toFixed(0)} of ${durationSeconds} s  ${phase}`
}

/** Columns padded to their widest cell; those named in `right` are aligned right. */
export function alignedTable(rows: readonly (readonly string[])[], right: readonly number[]): readonly string[] {
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
