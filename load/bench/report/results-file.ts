import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Environment } from './environment.ts'
import { type BenchRow, mergeRows } from './row.ts'

/**
 * Puts the rows of a run among those already in `bench.json` (see mergeRows), and what they were measured on into `environment.json` beside it.
 * A reader sees the old file or the new one, never half of one.
 * @throws {Error} when the file holds something else than a list; nothing is written then
 */
export async function writeResults(file: string, rows: readonly BenchRow[], environment: Environment): Promise<void> {
  const merged = mergeRows(await readRows(file), rows)
  await mkdir(dirname(file), { recursive: true })
  await replaceFile(file, `${JSON.stringify(merged.map(rounded), null, 2)}\n`)
  await replaceFile(join(dirname(file), 'environment.json'), `${JSON.stringify(environment, null, 2)}\n`)
}

async function readRows(file: string): Promise<readonly BenchRow[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]'
    throw error
  })
  const rows: unknown = JSON.parse(text)
  if (!Array.isArray(rows))
    throw new Error(`read ${file}: it is no list, wanted a list of rows (remove the file to start anew)`)
  return rows
}

async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`
  await writeFile(draft, text)
  await rename(draft, file)
}

/** Four significant digits: what a measurement can tell, and diffs that can be read. */
function rounded(row: BenchRow): BenchRow {
  const round = (value: number) => Number(value.toPrecision(4))
  const pair = ([min, max]: readonly [number, number]) => [round(min), round(max)] as const
  return {
    ...row,
    value: round(row.value),
    spread: pair(row.spread),
    against:
      row.against === null
        ? null
        : { ...row.against, value: round(row.against.value), spread: pair(row.against.spread) },
    ratio: row.ratio === null ? null : round(row.ratio),
  }
}
