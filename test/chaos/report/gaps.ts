import type { ChaosTopic } from '../history/history.ts'

type Durability = ChaosTopic['durability']

/** How long one publisher waited at most without any acknowledgement, milliseconds. */
export type PublisherGap = {
  readonly publisher: string
  /** The region that it is at home in, and prefers. */
  readonly home: string
  readonly topic: string
  readonly durability: Durability
  readonly worstMs: number
}

/** The longest wait that a run may show, by what an acknowledgement of the topic takes, milliseconds. */
export type GapLimits = Readonly<Record<Durability, number>>

/** The publisher that waited longest, of each topic. */
export function worstGaps(gaps: readonly PublisherGap[]): readonly PublisherGap[] {
  const worst = new Map<string, PublisherGap>()
  for (const gap of gaps) if (gap.worstMs >= (worst.get(gap.topic)?.worstMs ?? 0)) worst.set(gap.topic, gap)
  return [...worst.values()]
}

/** The longest wait of topics of a kind; 0 when there is none. */
export function longestGapMs(gaps: readonly PublisherGap[], durability: Durability): number {
  return Math.max(0, ...gaps.filter((gap) => gap.durability === durability).map(({ worstMs }) => worstMs))
}

/** What a region's publishers could not do at worst, milliseconds; 0 where there are none. */
export type RegionGap = { readonly region: string; readonly worstMs: Readonly<Record<Durability, number>> }

/** The longest wait of the publishers at home in each region. */
export function regionGaps(gaps: readonly PublisherGap[]): readonly RegionGap[] {
  return [...Map.groupBy(gaps, ({ home }) => home)].map(([region, own]) => ({
    region,
    worstMs: { local: longestGapMs(own, 'local'), quorum: longestGapMs(own, 'quorum') },
  }))
}

/** One region's worst, for people. */
export function regionGapWords({ region, worstMs }: RegionGap): string {
  return `${region} ${worstMs.local} ms (quorum topics ${worstMs.quorum} ms)`
}

/** One topic's worst, for people. */
export function gapWords({ publisher, topic, worstMs }: PublisherGap): string {
  return `${topic} ${worstMs} ms (${publisher})`
}

/** Topics that could not be published to for longer than they may, a line each. */
export function gapProblemsOf(gaps: readonly PublisherGap[], limits: GapLimits): readonly string[] {
  return worstGaps(gaps)
    .filter(({ durability, worstMs }) => worstMs > limits[durability])
    .map(
      ({ publisher, topic, durability, worstMs }) =>
        `${publisher} (${topic}, ${durability}) waited ${worstMs} ms for an acknowledgement, wanted at most ${limits[durability]}`,
    )
}
