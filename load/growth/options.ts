import { join } from 'node:path'
import { parseArgs } from 'node:util'

/** One size of a mesh. */
export type GrowthPoint = { readonly regions: number; readonly topics: number }

/** What the command line asked for. */
export type GrowthOptions = {
  readonly points: readonly GrowthPoint[]
  /** Events that each point carries, 100 to 100,000. Default 6,000. */
  readonly events: number
  readonly jsonFile: string
  /** A page whose figures are replaced; undefined: none. */
  readonly docFile: string | undefined
  readonly help: boolean
}

export const HELP = `Measures what a gateway costs as a mesh grows: CPU per event, CPU while idle, memory, consumers.

  node load/growth/main.ts [options]      (or: make growth ARGS="<options>")

  --topics <list>   sizes at 3 regions, 1 to 2,000 topics each, default 1,10,100,1000
  --regions <list>  sizes at 10 topics, 2 to 9 regions each, default 3,5,7
  --events <n>      events that each size carries, at most 400/s from one region, 100 to 100,000, default 6,000
  --json <file>     where the results go, default load/results/growth.json
  --doc <file>      a page between whose marks the table is put, such as docs/growth.md
  --help            this text

Prints a table (Markdown). Every size is a mesh of its own: one nats-server and one gateway a region. Idle is measured when all readers sleep, about
50 s after the last event. Takes about fifteen minutes.
`

const REGIONS_OF_TOPICS = 3
const TOPICS_OF_REGIONS = 10

/**
 * Reads the command line.
 * @throws {Error} what is wrong and what was wanted
 */
export function readOptions(argv: readonly string[]): GrowthOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      topics: { type: 'string', default: '1,10,100,1000' },
      regions: { type: 'string', default: '3,5,7' },
      events: { type: 'string', default: '6000' },
      json: { type: 'string', default: join(import.meta.dirname, '../results/growth.json') },
      doc: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const byTopics = readList('--topics', values.topics, 1, 2_000).map((topics) => ({
    regions: REGIONS_OF_TOPICS,
    topics,
  }))
  const byRegions = readList('--regions', values.regions, 2, 9).map((regions) => ({
    regions,
    topics: TOPICS_OF_REGIONS,
  }))
  const points = new Map([...byTopics, ...byRegions].map((point) => [`${point.regions} ${point.topics}`, point]))
  const [events = 0] = readList('--events', values.events, 100, 100_000)
  return { points: [...points.values()], events, jsonFile: values.json, docFile: values.doc, help: values.help }
}

/** Whole numbers; an empty text is an empty list. */
function readList(name: string, text: string, min: number, max: number): readonly number[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const value = Number(part)
      if (!Number.isInteger(value) || value < min || value > max)
        throw new Error(`read ${name}: "${part}", wanted whole numbers from ${min} to ${max}`)
      return value
    })
}
