import { pause } from '../pause.ts'
import { RateLimit } from './rate-limit.ts'

/**
 * Events given back a second, over all topics of this gateway. Each becomes an event for every other region, which looks
 * for a copy and stores it or skips it: this is about a tenth of what one stream takes, so that publishers keep the rest.
 */
const PER_SECOND = 10_000
/** Another region that takes longer for one batch is in trouble of its own, and not waited for. */
const FOLLOW_MS_MAX = 1_000
const LOOK_MS = 10

/** How far other regions have applied this region's own log of a topic, each one's sequence; none when nobody asks. */
export type Applied = (topicKey: string) => readonly number[]

/**
 * How fast events of one topic are given back: no faster than a region can follow, if publishers of the topic wait for
 * one. What they publish lies in the log behind what was given back, and is applied behind it.
 */
export type Pace = {
  /** Resolves when so many more may be written, or when `signal` is aborted. */
  take(count: number, signal: AbortSignal): Promise<void>
  /** Resolves when a region has applied our log as far as `sequence`, when none tells of it, or after a second. */
  followed(sequence: number, signal: AbortSignal): Promise<void>
}

/** The paces of all topics share what one gateway gives back. */
export class Paces {
  readonly #applied: Applied
  readonly #rate = new RateLimit(PER_SECOND)

  constructor(applied: Applied) {
    this.#applied = applied
  }

  of(topicKey: string): Pace {
    return {
      take: (count, signal) => this.#rate.take(count, signal),
      followed: async (sequence, signal) => {
        const untilMs = performance.now() + FOLLOW_MS_MAX
        while (!isFollowed(this.#applied(topicKey), sequence)) {
          if (signal.aborted || performance.now() >= untilMs) return
          await pause(LOOK_MS, signal)
        }
      },
    }
  }
}

/** One region is enough: an event is acknowledged when a second region has it. */
function isFollowed(applied: readonly number[], sequence: number): boolean {
  return applied.length === 0 || applied.some((upTo) => upTo >= sequence)
}
