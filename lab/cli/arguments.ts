import { parseArgs } from 'node:util'
import type { LabOptions } from '../options.ts'

/** What the command line asked for. */
export type LabCommand =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problem: string }
  | {
      readonly kind: 'start'
      readonly options: Pick<LabOptions, 'regions' | 'nodes' | 'gateways' | 'stateDir'>
      /** File with documents to apply; undefined for the examples. */
      readonly documents: string | undefined
    }

export const usage = `Usage: node lab/main.ts [options]

Runs a whole mesh on this machine until Ctrl-C: nats-servers, gateways, certificates, a token issuer. Listens on 127.0.0.1 only.

  --regions <a,b,c>   names of the regions (default us-east,eu-west,ap-south)
  --nodes <1|3>       nats-servers in each region (default 1)
  --gateways <n>      gateways in each region, 0 to 9 (default 1)
  --state <folder>    keep stores, logs and certificates here (default: a temporary folder, removed at the end)
  --documents <file>  topics and policies to apply to every region (default: the demo's)
  --help              this text
`

/** Reads the command line; ranges are the lab's to check. */
export function readArguments(words: readonly string[]): LabCommand {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        regions: { type: 'string' },
        nodes: { type: 'string' },
        gateways: { type: 'string' },
        state: { type: 'string' },
        documents: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return { kind: 'help' }
    const { regions, nodes = '1', gateways = '1', state, documents } = values
    if (nodes !== '1' && nodes !== '3') return { kind: 'wrong', problem: `--nodes: is "${nodes}", wanted 1 or 3` }
    if (!/^[0-9]$/.test(gateways)) return { kind: 'wrong', problem: `--gateways: is "${gateways}", wanted 0 to 9` }
    const options = {
      nodes: nodes === '1' ? (1 as const) : (3 as const),
      gateways: Number(gateways),
      ...(regions === undefined ? {} : { regions: regions.split(',').map((name) => name.trim()) }),
      ...(state === undefined ? {} : { stateDir: state }),
    }
    return { kind: 'start', options, documents }
  } catch (error) {
    return { kind: 'wrong', problem: error instanceof Error ? error.message : String(error) }
  }
}
