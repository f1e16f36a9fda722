// `make growth`: what a gateway costs as a mesh grows. See options.ts for the flags.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describeEnvironment } from '../bench/report/environment.ts'
import { sourceCommit } from '../bench/report/source-commit.ts'
import { natsBinary, natsVersion } from '../bench/servers/nats-binary.ts'
import { type GrowthRow, measure } from './measure.ts'
import { HELP, readOptions } from './options.ts'
import { growthFigures, withFigures } from './table.ts'

async function main(argv: readonly string[]): Promise<void> {
  const { points, events, jsonFile, docFile, help } = readOptions(argv)
  if (help) {
    process.stdout.write(HELP)
    return
  }
  const environment = describeEnvironment({
    date: new Date(),
    // An empty list is an empty word, which the shell that repeats the command must see.
    command: ['node load/growth/main.ts', ...argv.map((word) => (word === '' ? "''" : word))].join(' '),
    commit: await sourceCommit(),
    natsServer: await natsVersion(await natsBinary()),
    rounds: 1,
  })
  const rows: GrowthRow[] = []
  for (const point of points) {
    say(`${point.regions} regions, ${point.topics} topics`)
    rows.push(await measure(point, events, say))
  }
  await mkdir(dirname(jsonFile), { recursive: true })
  await writeFile(jsonFile, `${JSON.stringify({ environment, rows }, null, 2)}\n`)
  const figures = growthFigures(rows, environment)
  process.stdout.write(`${figures}\n`)
  say(jsonFile)
  if (docFile !== undefined) await writeFile(docFile, withFigures(await readFile(docFile, 'utf8'), figures))
}

/** Progress goes to standard error: standard output is the table. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

// A signal ends the run like an error does: everything that was started is stopped on the way out.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

await main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exitCode = 1
})
