import { PublisherHistory } from './publisher-history.ts'

/** One topic of a run. */
export type ChaosTopic = {
  /** "<tenant>/<topic>". */
  readonly name: string
  readonly durability: 'local' | 'quorum'
  /** Names of the regions that must hold it. */
  readonly regions: readonly string[]
  /** Private events stay in the region that stored them, and secrets leave it masked. */
  readonly guarded?: boolean | undefined
}

/** In every data of a guarded topic; masked wherever the event was not stored first. */
export const SECRET = 'not-for-others'

/** The attribute that tells how many bytes of text an event was published with. */
export const SIZE_ATTRIBUTE = 'textbytes'

/** Whether an event of a guarded topic is private: every fourth is. */
export function isPrivate(number: number): boolean {
  return number % 4 === 0
}

/** One publisher of a run. */
export type PublisherInfo = {
  /** `source` of its events; unique. */
  readonly source: string
  readonly topic: string
  /** The region that it prefers. */
  readonly home: string
  /** One receipt speaks for several of its events, and names the regions that hold all of them. */
  readonly batched?: boolean | undefined
}

/** An event is named by the publisher's place in the history and its number there. */
export type EventName = { readonly publisher: number; readonly number: number }

/**
 * What publishers tried and heard, and what subscribers saw: about 25 bytes and 4 for each region an event, and never
 * more than `eventsMax` events a publisher. Regions are named by their place in `regions`.
 */
export class History {
  readonly regions: readonly string[]
  readonly topics: readonly ChaosTopic[]
  readonly publishers: readonly PublisherHistory[]
  readonly #bySource: ReadonlyMap<string, number>

  constructor(
    regions: readonly string[],
    topics: readonly ChaosTopic[],
    publishers: readonly PublisherInfo[],
    eventsMax = 4_000_000,
  ) {
    this.regions = regions
    this.topics = topics
    this.publishers = publishers.map((info) => new PublisherHistory(info, regions.length, eventsMax))
    this.#bySource = new Map(publishers.map(({ source }, index) => [source, index]))
  }

  /** Which publisher has this `source`; undefined for a stranger. */
  publisherOf(source: string): number | undefined {
    return this.#bySource.get(source)
  }

  /** The place of a region; -1 for a stranger. */
  regionIndex(name: string): number {
    return this.regions.indexOf(name)
  }

  /** Events that were tried, and that were acknowledged. */
  totals(): {
    readonly tried: number
    readonly acknowledged: number
    readonly ambiguous: number
    readonly refused: number
  } {
    const sum = { tried: 0, acknowledged: 0, ambiguous: 0, refused: 0 }
    for (const { counts } of this.publishers) {
      sum.tried += counts.tried
      sum.acknowledged += counts.acknowledged
      sum.ambiguous += counts.ambiguous
      sum.refused += counts.refused
    }
    return sum
  }
}
