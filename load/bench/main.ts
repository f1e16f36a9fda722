// `make bench`: measures the mesh beside what it is built on, in one run on one machine. See options.ts for the flags.
import { join } from 'node:path'
import { BenchMesh } from './mesh.ts'
import { type BenchOptions, HELP, parseOptions } from './options.ts'
import { describeEnvironment, type Environment } from './report/environment.ts'
import { writeResults } from './report/results-file.ts'
import { sourceCommit } from './report/source-commit.ts'
import type { Measured } from './report/stored-row.ts'
import { formatTable } from './report/table.ts'
import { distance } from './scenarios/distance.ts'
import { idleDelay } from './scenarios/idle-delay.ts'
import { operator } from './scenarios/operator.ts'
import { publishGap } from './scenarios/publish-gap.ts'
import { publishStream } from './scenarios/publish-stream.ts'
import { replication } from './scenarios/replication.ts'
import { resume } from './scenarios/resume.ts'
import type { LoneContext, LoneScenario, Scenario } from './scenarios/scenario.ts'
import { syncText } from './scenarios/scenario.ts'
import { subscribe } from './scenarios/subscribe.ts'
import { unary } from './scenarios/unary.ts'
import type { SyncMode } from './servers/native-pair.ts'
import { natsBinary, natsVersion } from './servers/nats-binary.ts'

const SCENARIOS: readonly Scenario[] = [publishStream, unary, subscribe, replication]
const LONE_SCENARIOS: readonly LoneScenario[] = [idleDelay, distance, resume, publishGap, operator]
const SYNC_MODES: readonly SyncMode[] = ['always', 'default']
const RESULTS = join(import.meta.dirname, '../results/bench.json')

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(HELP)
    return
  }
  const startMs = performance.now()
  const binary = await natsBinary()
  const environment = describeEnvironment({
    date: new Date(),
    command: ['node load/bench/main.ts', ...process.argv.slice(2)].join(' '),
    commit: await sourceCommit(),
    natsServer: await natsVersion(binary),
    rounds: options.rounds,
  })
  say(headline(environment))
  if (environment.loadBefore > environment.cores / 4) {
    say(`this machine is busy (load ${environment.loadBefore} before the run): figures will be low and far apart`)
  }
  const measured: Measured[] = []
  for (const sync of SYNC_MODES) measured.push(...(await measure(sync, options, binary)))
  measured.push(...(await measureLone(options, binary)))
  const rows = measured.flatMap((each) => each.rows)
  process.stdout.write(`\n${formatTable(rows)}\n\n`)
  if (!options.quick) await writeResults(RESULTS, measured, environment)
  const missed = rows.filter((row) => row.met === false).length
  const seconds = Math.round((performance.now() - startMs) / 1_000)
  say(
    `${rows.length} rows in ${seconds} s; goals missed: ${missed}; ${options.quick ? 'a quick run writes no results' : RESULTS}`,
  )
}

/** Runs the wanted scenarios on a mesh of their own. */
async function measure(sync: SyncMode, options: BenchOptions, binary: string): Promise<Measured[]> {
  const wanted = SCENARIOS.filter(({ name, syncModes }) => options.only.has(name) && syncModes.includes(sync))
  if (wanted.length === 0) return []
  say(`starting two regions, ${syncText(sync)}`)
  await using mesh = await BenchMesh.start(sync)
  const measured: Measured[] = []
  for (const scenario of wanted) {
    say(`${scenario.name}, ${syncText(sync)}`)
    const rows = await scenario.run({ mesh, sync, ...contextOf(options, binary) })
    say(formatTable(rows))
    measured.push({ scenario: scenario.name, rows })
  }
  return measured
}

/** Runs the wanted scenarios that start what they measure. */
async function measureLone(options: BenchOptions, binary: string): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const scenario of LONE_SCENARIOS) {
    if (!options.only.has(scenario.name)) continue
    say(`${scenario.name}, on a mesh of its own`)
    const rows = await scenario.run(contextOf(options, binary))
    say(formatTable(rows))
    measured.push({ scenario: scenario.name, rows })
  }
  return measured
}

function contextOf({ rounds, quick }: BenchOptions, natsBinary: string): LoneContext {
  const onTurn = (name: string, round: number) =>
    say(`  ${round === 0 ? 'warm-up' : `round ${round}/${rounds}`}  ${name}`)
  return { natsBinary, rounds, quick, onTurn }
}

function headline({ cpu, cores, node, natsServer }: Environment): string {
  const sharing = `load generators, gateways and servers share ${cores === 1 ? 'one core' : `these ${cores} cores`}`
  return `${cpu}, ${cores} cores; Node ${node}, nats-server ${natsServer}; ${sharing}`
}

/** Progress goes to standard error: standard output is the table. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

// A signal ends the run like an error does: everything that was started is stopped on the way out.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

await main().catch((error: unknown) => {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exitCode = 1
})
