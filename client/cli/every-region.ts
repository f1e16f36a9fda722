import { CommandFailure } from './command-failure.ts'
import type { Context } from './context.ts'
import { exitCodeOf } from './exit-code.ts'
import { hintOf, messageOf } from './explain.ts'

/** What one region answered, or why it did not. */
export type RegionAnswer<Row> =
  | { readonly target: string; readonly rows: readonly Row[]; readonly error?: undefined }
  | { readonly target: string; readonly error: unknown; readonly rows?: undefined }

/** How long one of several regions may take to answer when the user does not say, milliseconds: the others are waited for. */
export const ANSWER_MS = 2_000

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

/** Tells of the regions that did not answer, and fails when there are any: as the one error, or as a summary of all. */
export async function failForSilent<Row>(answers: readonly RegionAnswer<Row>[], context: Context): Promise<void> {
  const silent = answers.filter((answer) => answer.error !== undefined)
  const [first] = silent
  if (first === undefined) return
  if (answers.length === 1) throw first.error
  for (const answer of silent) await context.stderr.write(`${silentText(answer)}\n`)
  const hint = hintOf(first.error)
  throw new CommandFailure(exitCodeOf(first.error), `${silent.length} of ${answers.length} regions did not do it`, {
    cause: first.error,
    ...(hint === undefined ? {} : { hint }),
  })
}

/** "<region>: why it did not answer". */
export function silentText({ target, error }: Pick<RegionAnswer<unknown>, 'target' | 'error'>): string {
  return `${target}: ${messageOf(error)}`
}
