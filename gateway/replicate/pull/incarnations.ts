import { BATCH_LIFE_MS } from '@landbridge/core'

/** Streams whose incarnation is remembered; the one seen first is forgotten first. */
const STREAMS_MAX = 100_000

/** Clocks of `Incarnations`, so that a test need not wait. */
export type IncarnationClocks = {
  /** Ms since 1970. */
  readonly now?: () => number
  /** Ms, never set back. */
  readonly elapsed?: () => number
}

/**
 * Which incarnation of each stream this gateway has seen (rule 6). After a stream was made anew nothing is applied to
 * it for one batch life: a batch meant for the old one that is still on its way could meet a record of ours under its
 * fence, and be stored upon copies that are gone. In silence its fence finds nothing, and it dies.
 *
 * What remains, and would need another stream name to go away:
 * - a batch that was fenced behind nothing (the origin had no record here) finds the same in the new stream;
 * - a stream that was made anew while no gateway of the region ran, and less than a batch life before the first look,
 *   is known as such only by a checkpoint that does not fit it;
 * - until the change is seen (1 s at the latest while records come) a run may go on, if its fence happens to hold.
 */
export class Incarnations {
  readonly #streams = new Map<string, { created: string; quietUntil: number }>()
  readonly #now: () => number
  readonly #elapsed: () => number

  constructor({ now = Date.now, elapsed = () => performance.now() }: IncarnationClocks = {}) {
    this.#now = now
    this.#elapsed = elapsed
  }

  /**
   * Takes note of a stream's incarnation; returns for how many ms nothing may be applied to it.
   * @param created As the server tells it.
   * @param replaced Whether something tells of a stream before this one; asked at the first look only.
   */
  quietMs(stream: string, created: string, replaced: () => boolean): number {
    const known = this.#streams.get(stream)
    const elapsed = this.#elapsed()
    if (known?.created === created) return Math.max(0, known.quietUntil - elapsed)
    const isNew = known === undefined ? this.#isYoung(created) && replaced() : true
    const quietMs = isNew ? BATCH_LIFE_MS : 0
    this.#streams.set(stream, { created, quietUntil: elapsed + quietMs })
    const [first] = this.#streams.keys()
    if (this.#streams.size > STREAMS_MAX && first !== undefined) this.#streams.delete(first)
    return quietMs
  }

  #isYoung(created: string): boolean {
    return this.#now() - Date.parse(created) < BATCH_LIFE_MS
  }
}
