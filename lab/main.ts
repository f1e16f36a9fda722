import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readArguments, usage } from './cli/arguments.ts'
import { welcome } from './cli/welcome.ts'
import { ADMIN_GROUP, type Lab } from './lab.ts'
import { startLab } from './start-lab.ts'

const EXAMPLES = join(import.meta.dirname, 'demo', 'mesh.yaml')
const TOKEN_SECONDS = 12 * 3_600

const command = readArguments(process.argv.slice(2))
if (command.kind === 'help') {
  process.stdout.write(usage)
} else if (command.kind === 'wrong') {
  process.stderr.write(`${command.problem}\n\n${usage}`)
  process.exitCode = 2
} else {
  process.exitCode = await run(command.options, command.documents)
}

async function run(options: Parameters<typeof startLab>[0], file: string | undefined): Promise<number> {
  const ended = untilSignal()
  try {
    const documents = await readFile(file ?? EXAMPLES, 'utf8')
    await using lab = await startLab({ ...options, documents, report: (line) => process.stderr.write(`${line}\n`) })
    const control = await lab.startControl()
    const hush = lab.onExit((exit) => {
      const how = exit.signal ?? `status ${exit.code}`
      process.stderr.write(`${exit.name} ended with ${how}${exit.unexpected ? ` on its own:\n${exit.tail}` : ''}\n`)
    })
    process.stdout.write(welcome(lab, control, await writeToken(lab), file === undefined ? 'github/issues' : undefined))
    const signal = await ended
    hush()
    process.stderr.write(`${signal}: stopping\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

/** A token that may also publish and read in the examples. */
async function writeToken(lab: Lab): Promise<string> {
  const file = join(lab.stateDir, 'admin.token')
  const token = await lab.token({
    subject: 'webhooks-lab',
    groups: [ADMIN_GROUP, 'github-readers'],
    expiresInSeconds: TOKEN_SECONDS,
  })
  await writeFile(file, token, { mode: 0o600 })
  return file
}

/** A second signal ends the process at once; the reaper cleans up behind it. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal))
  })
}
