import type { PublishResponse } from '@landbridge/proto'

/** A time as an answer has it; undefined when it has none. */
export type RegionTime = PublishResponse['regionTime']

/**
 * What time it is in the region behind a link: what it said last, and how long ago that was by the monotonic clock. It
 * is behind by the time that the answer took, which makes attempts look older, never younger. The own clock, which may
 * be wrong, until the region said anything.
 */
export class RegionClock {
  /** Of `performance.now()`. */
  #aheadMs: number | undefined

  /** Milliseconds since 1970. */
  now(): number {
    return this.#aheadMs === undefined ? Date.now() : performance.now() + this.#aheadMs
  }

  /** The region said what time it is, ms since 1970. What is no time teaches nothing. */
  learn(epochMs: number | undefined): void {
    if (epochMs === undefined || !(epochMs > 0 && epochMs < Number.MAX_SAFE_INTEGER)) return
    this.#aheadMs = epochMs - performance.now()
  }

  /** As `learn`, of an answer. */
  learnFrom(time: RegionTime): void {
    if (time !== undefined) this.learn(Number(time.seconds) * 1_000 + time.nanos / 1_000_000)
  }
}
