import type { Context, Sink } from './context.ts'
import type { GlobalOptions } from './settings.ts'
import { type Colour, type Column, colour, formatTable } from './table.ts'

/** Form of results. */
export type OutputForm = 'table' | 'json'

/** A list of things, as a table and as JSON. */
export type List<Row> = {
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly json: (row: Row) => unknown
  /** Stands in place of a table without rows. */
  readonly empty: string
}

/** Writes results in the form that the user wants. */
export class Printer {
  /** The form. */
  readonly form: OutputForm
  readonly #out: Sink
  readonly #colours: boolean

  constructor(context: Pick<Context, 'stdout' | 'env'>, options: Pick<GlobalOptions, 'output' | 'color'>) {
    this.form = options.output ?? 'table'
    this.#out = context.stdout
    this.#colours = options.color && wantsColours(context.env, context.stdout.isTerminal)
  }

  /** A list: a table, or one JSON array. */
  async list<Row>(list: List<Row>): Promise<void> {
    if (this.form === 'json') return this.json(list.rows.map(list.json))
    await this.#out.write(this.table(list))
  }

  /** The table of a list as text. */
  table<Row>({ columns, rows, empty }: List<Row>): string {
    return rows.length === 0 ? `${empty}\n` : formatTable(columns, rows, { colours: this.#colours })
  }

  /** One thing: "name  value" lines, or one JSON object. Lines with an empty value are left out. */
  async record(lines: readonly (readonly [name: string, value: string])[], json: unknown): Promise<void> {
    if (this.form === 'json') return this.json(json)
    const columns = [
      { title: '', text: (line: readonly [string, string]) => line[0], colour: () => 'dim' as const },
      { title: '', text: (line: readonly [string, string]) => line[1] },
    ]
    const shown = lines.filter(([, value]) => value !== '')
    const table = formatTable(columns, shown, { colours: this.#colours })
    await this.#out.write(table.slice(table.indexOf('\n') + 1))
  }

  /** A JSON document, indented. */
  async json(value: unknown): Promise<void> {
    await this.#out.write(`${JSON.stringify(value, undefined, 2)}\n`)
  }

  /** One item of a stream: a line of text or of JSON. */
  async item(text: () => string, json: () => unknown): Promise<void> {
    await this.#out.write(`${this.form === 'json' ? JSON.stringify(json()) : text()}\n`)
  }

  /** Text as it is. */
  async text(text: string): Promise<void> {
    await this.#out.write(text)
  }

  /** The text in a colour, when the user wants colours. */
  paint(text: string, style: Colour | undefined): string {
    return colour(text, style, this.#colours)
  }
}

// https://no-color.org and https://force-color.org
function wantsColours(env: Context['env'], isTerminal: boolean): boolean {
  if ((env.NO_COLOR ?? '') !== '') return false
  if ((env.FORCE_COLOR ?? '') !== '') return env.FORCE_COLOR !== '0'
  return isTerminal && env.TERM !== 'dumb'
}
