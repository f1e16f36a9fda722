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

/** What is known of a stream from before this process looked at it first. */
export type IncarnationRecord = {
  /** The incarnation that was kept; undefined when none is. */
  readonly kept: string | undefined
  /** A checkpoint does not fit the stream. */
  readonly misfit: boolean
}

/**
 * Which incarnation of each stream this gateway has seen (rule 6). After a stream was made anew nothing is applied to
 * it for one batch life: a batch meant for the old one that is still on its way could meet a record of ours under its
 * fence, and be stored upon copies that are gone. In silence its fence finds nothing, and it dies.
 *
 * The incarnation is also kept in the region's checkpoint bucket, once the silence is over: a gateway that starts anew
 * notices what happened while none ran.
 *
 * What remains, and would need another stream name to go away:
 * - a batch that was fenced behind nothing (the origin had no record here) finds the same in the new stream;
 * - until the change is seen (1 s at the latest while records come) a run may go on, if its fence happens to hold.
 */
export class Incarnations {
  readonly #streams = new Map<string, { readonly created: string; readonly quietUntil: number; kept: boolean }>()
  readonly #now: () => number
  readonly #elapsed: () => number

  constructor({ now = Date.now, elapsed = () => performance.now() }: IncarnationClocks = {}) {
    this.#now = now
    this.#elapsed = elapsed
  }

  /** True when the bucket is known to have this incarnation: nothing of before is of interest then. */
  isKept(stream: string, created: string): boolean {
    const known = this.#streams.get(stream)
    return known?.created === created && known.kept
  }

  /** The bucket has this incarnation now. */
  setKept(stream: string, created: string): void {
    const known = this.#streams.get(stream)
    if (known?.created === created) known.kept = true
  }

  /**
   * Takes note of a stream's incarnation; returns for how many ms nothing may be applied to it.
   * @param created As the server tells it.
   * @param before Looked at when this process sees the stream for the first time.
   */
  quietMs(stream: string, created: string, before: IncarnationRecord): number {
    const known = this.#streams.get(stream)
    const elapsed = this.#elapsed()
    if (known?.created === created) return Math.max(0, known.quietUntil - elapsed)
    const quietMs = known !== undefined || this.#isNew(created, before) ? BATCH_LIFE_MS : 0
    this.#streams.set(stream, { created, quietUntil: elapsed + quietMs, kept: false })
    const [first] = this.#streams.keys()
    if (this.#streams.size > STREAMS_MAX && first !== undefined) this.#streams.delete(first)
    return quietMs
  }

  #isNew(created: string, { kept, misfit }: IncarnationRecord): boolean {
    if (kept !== undefined) return kept !== created
    return misfit && this.#now() - Date.parse(created) < BATCH_LIFE_MS
  }
}
