import { parseArgs } from 'node:util'

/** What can be measured alone with --only. */
export const SCENARIO_NAMES = [
  'publish-stream',
  'unary',
  'subscribe',
  'replication',
  'idle-delay',
  'distance',
  'resume',
  'publish-gap',
  'operator',
] as const
export type ScenarioName = (typeof SCENARIO_NAMES)[number]

export type BenchOptions = {
  /** Default: all. */
  readonly only: ReadonlySet<ScenarioName>
  /** Measured rounds of each contender, 1 to 50. Default 5. */
  readonly rounds: number
  /** One short round each, to see that everything works. Prints, and writes no results. */
  readonly quick: boolean
  readonly help: boolean
}

export const HELP = `Measures Landbridge beside the NATS client and native JetStream sources, in turns, on this machine.

  node load/bench/main.ts [options]      (or: make bench)

  --only <name>   one of ${SCENARIO_NAMES.join(', ')}; may be repeated
  --rounds <n>    measured rounds of each contender after one uncounted, 1 to 50, default 5
  --quick         one short round: shows that everything works; writes no results
  --help          this text

Prints a table of medians; spread is the lowest and the highest round. Writes load/results/bench.json (one object a row, with date, command and
commit of the run that measured it) and load/results/environment.json (machine and versions of these runs). With --only the rows of other scenarios
stay as they are. Takes about twenty minutes.
`

const DEFAULT_ROUNDS = 5

/**
 * Reads the command line.
 * @throws {Error} what is wrong and what was wanted
 */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return {
    only: new Set(values.only?.map(parseScenario) ?? SCENARIO_NAMES),
    rounds: values.rounds === undefined ? (values.quick ? 1 : DEFAULT_ROUNDS) : parseRounds(values.rounds),
    quick: values.quick,
    help: values.help,
  }
}

function parseScenario(text: string): ScenarioName {
  const name = SCENARIO_NAMES.find((candidate) => candidate === text)
  if (name === undefined) throw new Error(`read --only: "${text}", wanted one of ${SCENARIO_NAMES.join(', ')}`)
  return name
}

function parseRounds(text: string): number {
  const rounds = Number(text)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 50)
    throw new Error(`read --rounds: "${text}", wanted a whole number from 1 to 50`)
  return rounds
}
