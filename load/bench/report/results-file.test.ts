import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import type { Environment } from './environment.ts'
import { writeResults } from './results-file.ts'
import { toRow } from './row.ts'

const FULL = environmentOf('2026-01-01T00:00:00.000Z', 'bench')
const PARTIAL = environmentOf('2026-02-02T00:00:00.000Z', 'bench --only operator')

function environmentOf(date: string, command: string): Environment {
  const machine = { cpu: 'x', cores: 2, memoryGiB: 1, system: 'x', node: 'x', natsServer: 'x' }
  return { date, command, commit: 'abcdef123456', ...machine, loadBefore: 0, rounds: 5 }
}

async function resultsFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-results-'))
  return {
    file: join(folder, 'bench.json'),
    read: async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

test('figures stand beside the run that found them, and the runs beside them, until none is of a run', async () => {
  await using results = await resultsFolder()
  const unary = { scenario: 'unary', rows: [toRow({ name: 'p50', unit: 'ms', rounds: [1.234567] })] } as const
  const operator = { scenario: 'operator', rows: [toRow({ name: 'memory', unit: 'MiB', rounds: [270] })] } as const
  await writeResults(results.file, [unary, operator], FULL)
  await writeResults(results.file, [operator], PARTIAL)
  expect(await results.read('bench.json')).toMatchObject([
    { name: 'p50', value: 1.235, scenario: 'unary', run: { date: FULL.date, command: 'bench' } },
    { name: 'memory', scenario: 'operator', run: { date: PARTIAL.date, command: 'bench --only operator' } },
  ])
  expect(await results.read('environment.json')).toEqual([FULL, PARTIAL])
  const later = environmentOf('2026-03-03T00:00:00.000Z', 'bench --only unary')
  await writeResults(results.file, [unary], later)
  expect(await results.read('environment.json')).toEqual([PARTIAL, later])
})

test('what is no list of results is left as it is', async () => {
  await using results = await resultsFolder()
  await writeFile(results.file, '{"rows":[]}')
  await expect(writeResults(results.file, [], FULL)).rejects.toThrow('remove the file to start anew')
  expect(await results.read('bench.json')).toEqual({ rows: [] })
})
