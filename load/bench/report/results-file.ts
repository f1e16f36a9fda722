import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Environment } from './environment.ts'
import { type Measured, mergeEnvironments, mergeRows, type StoredRow } from './stored-row.ts'

/**
 * Puts what a run measured among what is in `bench.json` (see mergeRows), and what it was measured on into `environment.json` beside it, which
 * has one entry for each run that rows are still of. A reader sees the old file or the new one, never half of one.
 * @throws {Error} when a file holds something else than a list; nothing is written then
 */
export async function writeResults(
  file: string,
  measured: readonly Measured[],
  environment: Environment,
): Promise<void> {
  const environmentFile = join(dirname(file), 'environment.json')
  const merged = mergeRows(await readList<StoredRow>(file), measured, environment)
  const runs = mergeEnvironments(await readList<Environment>(environmentFile), environment, merged)
  await mkdir(dirname(file), { recursive: true })
  await replaceFile(file, merged.map(rounded))
  await replaceFile(environmentFile, runs)
}

async function readList<Entry>(file: string): Promise<readonly Entry[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '[]'
    throw error
  })
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new Error(`read ${file}: it is no list, wanted one (remove the file to start anew)`)
  return list
}

async function replaceFile(file: string, content: unknown): Promise<void> {
  const draft = `${file}.${process.pid}.tmp`
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`)
  await rename(draft, file)
}

/** Four significant digits: what a measurement can tell, and diffs that can be read. */
function rounded(row: StoredRow): StoredRow {
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
