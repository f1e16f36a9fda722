import type { BenchRow } from './row.ts'

const HEADINGS = ['', 'value', 'unit', 'spread', 'against', 'value', 'spread', 'ratio', 'goal', ''] as const
const RIGHT_ALIGNED: ReadonlySet<number> = new Set([1, 3, 5, 6, 7])

/** The rows as an aligned table, one line a row; no trailing newline. */
export function formatTable(rows: readonly BenchRow[]): string {
  const lines = [HEADINGS, ...rows.map(cellsOf)]
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)))
  const rule = widths.map((width) => '-'.repeat(width))
  const [head, ...body] = lines.map((cells) => formatLine(cells, widths))
  return [head, formatLine(rule, widths), ...body].join('\n')
}

/** A figure with three significant digits at least, and thousands apart: 0.612, 14.2, 103,482. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function cellsOf(row: BenchRow): string[] {
  const { against } = row
  return [
    row.name,
    formatNumber(row.value),
    row.unit,
    formatSpread(row.spread),
    against?.name ?? '',
    against === null ? '' : formatNumber(against.value),
    against === null ? '' : formatSpread(against.spread),
    row.ratio === null ? '' : `${row.ratio.toFixed(2)}x`,
    row.goal ?? '',
    row.met === null ? '' : row.met ? 'met' : 'MISSED',
  ]
}

function formatSpread([min, max]: readonly [number, number]): string {
  return `${formatNumber(min)}..${formatNumber(max)}`
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  return widths
    .map((width, column) => {
      const cell = cells[column] ?? ''
      return RIGHT_ALIGNED.has(column) ? cell.padStart(width) : cell.padEnd(width)
    })
    .join('  ')
    .trimEnd()
}
