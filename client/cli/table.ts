import { styleText } from 'node:util'
import { printable } from './printable.ts'

/** Colours that a cell may have. */
export type Colour = 'green' | 'yellow' | 'red' | 'dim'

/** A column of a table. */
export type Column<Row> = {
  /** Heading, in capitals by habit. */
  readonly title: string
  /** The cell's text. */
  readonly text: (row: Row) => string
  /** Numbers go to the right. Default left. */
  readonly align?: 'left' | 'right'
  /** The cell's colour. Default none. */
  readonly colour?: (row: Row) => Colour | undefined
}

/** How a table is drawn. */
export type TableOptions = {
  /** Use ANSI colours. */
  readonly colours: boolean
}

const GAP = '  '

/** An aligned table with a heading, one line a row; ends with a line feed. Control characters in cells are escaped. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { colours }: TableOptions,
): string {
  const texts = rows.map((row) => columns.map((column) => printable(column.text(row))))
  const widths = columns.map((column, index) =>
    texts.reduce((width, cells) => Math.max(width, widthOf(cells[index] ?? '')), widthOf(column.title)),
  )
  const line = (cells: readonly string[], paint: (text: string, index: number) => string) =>
    cells
      .map((text, index) => {
        const right = columns[index]?.align === 'right'
        const space = ' '.repeat((widths[index] ?? 0) - widthOf(text))
        const last = index === cells.length - 1
        return right ? space + paint(text, index) : paint(text, index) + (last ? '' : space)
      })
      .join(GAP)
  const heading = line(
    columns.map((column) => column.title),
    (text) => colour(text, 'dim', colours),
  )
  const body = rows.map((row, at) =>
    line(texts[at] ?? [], (text, index) => colour(text, columns[index]?.colour?.(row), colours)),
  )
  return `${[heading, ...body].map((text) => text.trimEnd()).join('\n')}\n`
}

/** The text in a colour, when colours are wanted. */
export function colour(text: string, style: Colour | undefined, colours: boolean): string {
  return style === undefined || !colours ? text : styleText(style, text, { validateStream: false })
}

// Code points: enough to align names, numbers and most text.
function widthOf(text: string): number {
  return [...text].length
}
