import type { Position } from '@landbridge/core'

/** How far another region has applied this region's events. */
export type PeerPosition = {
  readonly topic: string
  readonly region: string
  readonly position: Position
  /** When it said so, ms since 1970. */
  readonly atMs: number
}

/**
 * What other regions say they have durably applied of this region's own events: quorum acknowledgements and people ask.
 * One entry a (topic, region): bounded by the configuration.
 */
export class PeerPositions {
  readonly #entries = new Map<string, PeerPosition>()

  /** Takes a report; an older position replaces a newer one, because a region may have lost its tail. */
  set(entry: PeerPosition): void {
    this.#entries.set(`${entry.topic} ${entry.region}`, entry)
  }

  get(topic: string, region: string): PeerPosition | undefined {
    return this.#entries.get(`${topic} ${region}`)
  }

  all(): readonly PeerPosition[] {
    return [...this.#entries.values()]
  }

  /** Forgets topics and regions that are gone. */
  keepOnly(topics: { has(topic: string): boolean }, regions: { has(region: string): boolean }): void {
    for (const [key, entry] of this.#entries) {
      if (!topics.has(entry.topic) || !regions.has(entry.region)) this.#entries.delete(key)
    }
  }
}
