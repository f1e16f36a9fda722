import type { ChaosTopic } from '../history/history.ts'

type Durability = ChaosTopic['durability']

/** How long one publisher waited at most without any acknowledgement, milliseconds. */
export type PublisherGap = {
  readonly publisher: string
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
