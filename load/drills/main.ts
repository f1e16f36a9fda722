// `make drill DRILL=<name>`: breaks a mesh under load and judges what its clients saw. See options.ts for the flags.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ensureTool } from '@landbridge/lab'
import { drillNamed } from './drills.ts'
import { runDrill } from './drive.ts'
import { type DrillCommand, HELP, readCommand } from './options.ts'
import { summaryText } from './summary.ts'

async function main(argv: readonly string[]): Promise<number> {
  let command: DrillCommand
  try {
    command = readCommand(argv)
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n\n${HELP}`)
    return 2
  }
  if (command.kind === 'help') {
    process.stdout.write(HELP)
    return 0
  }
  const { options } = command
  const k6 = await ensureTool('k6', { report: say })
  const report = await runDrill(drillNamed(options.drill), options, {
    k6,
    say,
    command: ['node load/drills/main.ts', ...argv].join(' '),
  })
  await mkdir(dirname(options.jsonFile), { recursive: true })
  await writeFile(options.jsonFile, `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(`\n${summaryText(report)}`)
  say(options.jsonFile)
  return report.passed ? 0 : 1
}

/** Progress goes to standard error: standard output is the summary. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

// A signal ends the run like an error does: everything that was started is stopped on the way out.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return 1
})
