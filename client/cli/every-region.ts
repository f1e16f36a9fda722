import type { Context } from './context.ts'
import { explain } from './explain.ts'

/** What one region answered, or why it did not. */
export type RegionAnswer<Row> =
  | { readonly target: string; readonly rows: readonly Row[]; readonly error?: undefined }
  | { readonly target: string; readonly error: unknown; readonly rows?: undefined }

/** Asks every target at once. Never rejects. */
export async function askEvery<Row>(
  targets: readonly string[],
  ask: (target: string) => Promise<readonly Row[]>,
): Promise<readonly RegionAnswer<Row>[]> {
  return await Promise.all(
    targets.map(async (target) => {
      try {
        return { target, rows: await ask(target) }
      } catch (error) {
        return { target, error }
      }
    }),
  )
}

/** The rows of those that answered; each row once, by `key`: two addresses can be of one region. */
export function rowsOf<Row>(answers: readonly RegionAnswer<Row>[], key: (row: Row) => string): readonly Row[] {
  const rows = new Map(answers.flatMap((answer) => answer.rows ?? []).map((row) => [key(row), row]))
  return [...rows.values()]
}

/** Tells of regions that did not answer; then throws the first error, which decides how the process ends. */
export async function failForSilent<Row>(answers: readonly RegionAnswer<Row>[], context: Context): Promise<void> {
  const silent = answers.filter((answer) => answer.error !== undefined)
  const [first] = silent
  if (first === undefined) return
  for (const { target, error } of silent.slice(1)) {
    await context.stderr.write(`${target}: ${explain(error)[0]?.replace(/^landbridge: /, '')}\n`)
  }
  throw first.error
}
