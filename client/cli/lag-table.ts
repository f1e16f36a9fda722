import type { TopicLag } from '../index.ts'
import type { List } from './printer.ts'
import type { Colour, Column } from './table.ts'
import { countText, fromNow, secondsText } from './words.ts'

/** A lag, and when the region told of it, ms since 1970. */
export type SeenLag = TopicLag & { readonly answeredMs: number }

/** All origins of one topic in one region. */
export type SummedLag = {
  readonly answeredBy: string
  readonly topic: string
  readonly origins: number
  /** Of those origins that are known. */
  readonly events: number
  /** Of the oldest of these events. */
  readonly seconds: number
  /** Origins of which nobody knows the lag. */
  readonly unknown: number
  /** The earliest watermark of all origins; undefined when one is not known. */
  readonly watermark: Date | undefined
  readonly gaps: number
  readonly problem: string | undefined
  readonly answeredMs: number
}

/** A row for each origin. */
export function lagTable(rows: readonly SeenLag[]): List<SeenLag> {
  return {
    columns: LAG_COLUMNS,
    rows,
    json: ({ answeredBy, answeredMs: _, ...lag }) => ({ region: answeredBy, ...lag }),
    empty: EMPTY,
  }
}

/** A row for each topic. */
export function summaryTable(rows: readonly SummedLag[]): List<SummedLag> {
  return {
    columns: SUMMARY_COLUMNS,
    rows,
    json: ({ answeredBy, answeredMs: _, ...lag }) => ({ region: answeredBy, ...lag }),
    empty: EMPTY,
  }
}

/** Sums up the origins of each topic in each region. */
export function summed(rows: readonly SeenLag[]): readonly SummedLag[] {
  const groups = Map.groupBy(rows, ({ answeredBy, topic }) => `${answeredBy} ${topic}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const known = group.filter((lag) => lag.known)
    const watermarks = group.flatMap(({ watermark }) => (watermark === undefined ? [] : [watermark.getTime()]))
    const { answeredBy, topic, answeredMs } = first
    return {
      answeredBy,
      topic,
      origins: group.length,
      events: known.reduce((sum, { events }) => sum + events, 0),
      seconds: Math.max(0, ...known.map(({ seconds }) => seconds)),
      unknown: group.length - known.length,
      watermark: watermarks.length < group.length ? undefined : new Date(Math.min(...watermarks)),
      gaps: group.reduce((sum, { gaps }) => sum + gaps, 0),
      problem: group.find(({ problem }) => problem !== undefined)?.problem,
      answeredMs,
    }
  })
}

const EMPTY = 'Nothing is replicated: no topics, or no peers.'

const LAG_COLUMNS: readonly Column<SeenLag>[] = [
  { title: 'REGION', text: (lag) => lag.answeredBy },
  { title: 'TOPIC', text: (lag) => lag.topic },
  { title: 'ORIGIN', text: (lag) => lag.origin },
  {
    title: 'BEHIND',
    text: (lag) => (lag.known ? countText(lag.events) : 'unknown'),
    align: 'right',
    colour: (lag) => colourOf(lag.known, lag.events),
  },
  { title: 'OLDEST', text: (lag) => (lag.known ? secondsText(lag.seconds) : ''), align: 'right' },
  { title: 'WATERMARK', text: watermarkText },
  { title: 'UPSTREAM', text: (lag) => lag.upstream ?? 'none' },
  { title: 'GATEWAY', text: (lag) => lag.gateway ?? '' },
  { title: 'GAPS', text: (lag) => String(lag.gaps), align: 'right', colour: gapColour },
  { title: 'PROBLEM', text: (lag) => lag.problem ?? '', colour: () => 'red' },
]

const SUMMARY_COLUMNS: readonly Column<SummedLag>[] = [
  { title: 'REGION', text: (lag) => lag.answeredBy },
  { title: 'TOPIC', text: (lag) => lag.topic },
  { title: 'ORIGINS', text: (lag) => String(lag.origins), align: 'right' },
  {
    title: 'BEHIND',
    text: (lag) => countText(lag.events) + (lag.unknown === 0 ? '' : ` + ${lag.unknown} unknown`),
    align: 'right',
    colour: (lag) => colourOf(lag.unknown === 0, lag.events),
  },
  { title: 'OLDEST', text: (lag) => secondsText(lag.seconds), align: 'right' },
  { title: 'WATERMARK', text: watermarkText },
  { title: 'GAPS', text: (lag) => String(lag.gaps), align: 'right', colour: gapColour },
  { title: 'PROBLEM', text: (lag) => lag.problem ?? '', colour: () => 'red' },
]

function colourOf(known: boolean, events: number): Colour {
  if (!known) return 'red'
  return events === 0 ? 'green' : 'yellow'
}

function gapColour({ gaps }: { readonly gaps: number }): Colour | undefined {
  return gaps === 0 ? undefined : 'red'
}

function watermarkText({ watermark, answeredMs }: SeenLag | SummedLag): string {
  // Our clock and the origin's may differ a little.
  return watermark === undefined ? 'unknown' : fromNow(Math.min(watermark.getTime(), answeredMs - 1), answeredMs)
}
