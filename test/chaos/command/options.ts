import { parseArgs } from 'node:util'
import { FAULT_KINDS } from '../plan/draw.ts'
import type { FaultKind } from '../plan/fault.ts'
import { PROFILES, type ProfileName } from '../setup.ts'

/** What the command line asked for. */
export type ChaosCommand =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problem: string }
  | {
      readonly kind: 'run'
      /** Undefined: a fresh one. */
      readonly seed: number | undefined
      readonly minutes: number
      readonly runs: number
      readonly rate: number
      readonly profile: ProfileName
      readonly folder: string
      /** Keeps the stores of runs that passed, too. */
      readonly keep: boolean
      readonly planOnly: boolean
      /** Kinds of faults to draw; undefined: every kind. */
      readonly only: readonly FaultKind[] | undefined
    }

export const usage = `Usage: make chaos [SEED=n] [MINUTES=n] [RUNS=n] [CHAOS="further options"]

Publishes and subscribes in every region of a mesh while faults come and go, then reads every region's streams and
counts what is lost, doubled, misordered or different. The same seed gives the same faults.

  --seed <n>        seed of the first run (default: a fresh one); further runs count up
  --minutes <n>     how long each run publishes (default 5)
  --runs <n>        how many runs (default 1)
  --rate <n>        events a second of all publishers together (default 1200)
  --profile <name>  ${PROFILES.join(' or ')} (default full)
  --folder <path>   where histories, logs and reports go (default .state/chaos)
  --keep            keep the stores of runs that pass, too
  --faults <a,b>    only these kinds: ${FAULT_KINDS.join(', ')}
  --plan            only print the faults of the seed
  --help            this text
`

/** Reads the command line. */
export function readArguments(words: readonly string[]): ChaosCommand {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string', default: '5' },
        runs: { type: 'string', default: '1' },
        rate: { type: 'string', default: '1200' },
        profile: { type: 'string', default: 'full' },
        folder: { type: 'string', default: '.state/chaos' },
        keep: { type: 'boolean', default: false },
        faults: { type: 'string' },
        plan: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return { kind: 'help' }
    const profile = PROFILES.find((name) => name === values.profile)
    if (profile === undefined) throw new Error(`--profile: is "${values.profile}", wanted ${PROFILES.join(' or ')}`)
    return {
      kind: 'run',
      seed: values.seed === undefined ? undefined : numberOf('seed', values.seed, 0, 2 ** 31),
      minutes: numberOf('minutes', values.minutes, 0.1, 24 * 60),
      runs: numberOf('runs', values.runs, 1, 10_000),
      rate: numberOf('rate', values.rate, 1, 100_000),
      profile,
      folder: values.folder,
      keep: values.keep,
      planOnly: values.plan,
      only: values.faults?.split(',').map(kindOf),
    }
  } catch (error) {
    return { kind: 'wrong', problem: error instanceof Error ? error.message : String(error) }
  }
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text !== '' && value >= min && value <= max) return value
  throw new Error(`--${name}: is "${text}", wanted a number from ${min} to ${max}`)
}

function kindOf(text: string): FaultKind {
  const kind = FAULT_KINDS.find((name) => name === text.trim())
  if (kind === undefined) throw new Error(`--faults: has "${text}", wanted some of ${FAULT_KINDS.join(', ')}`)
  return kind
}
