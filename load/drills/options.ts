import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DRILL_NAMES, type DrillName } from './drills.ts'

/** What the command line asked for. */
export type DrillOptions = {
  readonly drill: DrillName
  /** Events a second over all clients, 10 to 2,000. Default 150. */
  readonly perSecond: number
  /** Length of the three phases, 2 to 600 s each. Default 10, 12, 15. */
  readonly seconds: { readonly baseline: number; readonly fault: number; readonly recovery: number }
  /** Added to the limits of RTO, way around and convergence, 0 to 60 s. Default 0. */
  readonly allowanceMs: number
  /** How the topic acknowledges. Default local. */
  readonly durability: 'local' | 'quorum'
  /** One event in the fault is acknowledged to its client and never sent: the drill must fail then. */
  readonly plantLoss: boolean
  /** Where the JSON goes. */
  readonly jsonFile: string
}

/** A command line that is understood. */
export type DrillCommand = { readonly kind: 'help' } | { readonly kind: 'run'; readonly options: DrillOptions }

export const HELP = `Breaks a mesh under a constant load, mends it, and counts what became of every event.

  node load/drills/main.ts <drill> [options]      (or: make drill DRILL=<drill> ARGS="<options>")

  <drill>             one of ${DRILL_NAMES.join(', ')}
  --rate <n>          events a second over all clients, 10 to 2,000, default 150
  --seconds <b,f,r>   length of baseline, fault and recovery, 2 to 600 each, default 10,12,15
  --allowance <s>     added to the limits of times, 0 to 60 seconds, default 0: for a machine that is busy with other things
  --durability <d>    how the topic acknowledges: local (default), or quorum, where a lost region must not hold anything alone
  --plant-loss        let one client believe in an event that it never sent: shows that the drill can fail
  --json <file>       where the results go, default load/results/drill-<drill>.json
  --help              this text

k6 publishes over gRPC from clients in every region; they fail over to the next region by themselves. Exit status: 0 passed, 1 failed, 2 wrong use.
`

const DEFAULT_PER_SECOND = 150
const DEFAULT_SECONDS = [10, 12, 15]

/**
 * Reads the command line.
 * @throws {Error} what is wrong and what was wanted
 */
export function readCommand(argv: readonly string[]): DrillCommand {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rate: { type: 'string' },
      seconds: { type: 'string' },
      allowance: { type: 'string', default: '0' },
      durability: { type: 'string', default: 'local' },
      'plant-loss': { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return { kind: 'help' }
  const drill = DRILL_NAMES.find((name) => name === positionals[0])
  if (drill === undefined || positionals.length !== 1) {
    throw new Error(`read the drill: "${positionals.join(' ')}", wanted one of ${DRILL_NAMES.join(', ')}`)
  }
  return {
    kind: 'run',
    options: {
      drill,
      perSecond: values.rate === undefined ? DEFAULT_PER_SECOND : readNumber('--rate', values.rate, 10, 2_000),
      seconds: readSeconds(values.seconds),
      allowanceMs: readNumber('--allowance', values.allowance, 0, 60) * 1_000,
      durability: readDurability(values.durability),
      plantLoss: values['plant-loss'],
      jsonFile: values.json ?? join(import.meta.dirname, `../results/drill-${drill}.json`),
    },
  }
}

function readDurability(text: string): DrillOptions['durability'] {
  if (text !== 'local' && text !== 'quorum') throw new Error(`read --durability: "${text}", wanted local or quorum`)
  return text
}

function readSeconds(text: string | undefined): DrillOptions['seconds'] {
  const list = text?.split(',').map((part) => readNumber('--seconds', part, 2, 600)) ?? DEFAULT_SECONDS
  const [baseline, fault, recovery, ...more] = list
  if (baseline === undefined || fault === undefined || recovery === undefined || more.length > 0)
    throw new Error(`read --seconds: "${text}", wanted three numbers such as 10,12,15`)
  return { baseline, fault, recovery }
}

function readNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`read ${name}: "${text}", wanted whole numbers from ${min} to ${max}`)
  return value
}
