import type { LocalRecord } from '@landbridge/core'

/**
 * For how long branch records have certainly been where they are: since this process first saw them, by its own
 * monotonic clock. No other clock is asked: those of a server that stored a branch and of the one that leads now may
 * differ. A process that starts anew waits anew.
 */
export class BranchAges {
  readonly #seen = new Map<string, { readonly sequence: number; readonly stamp: bigint; readonly sinceMs: number }>()
  readonly #elapsed: () => number

  /** @param elapsed Ms, never set back. */
  constructor(elapsed: () => number = () => performance.now()) {
    this.#elapsed = elapsed
  }

  /** Takes note of an origin's last record; returns the age of the branch in ms, 0 when it is none or new. */
  ageMs(stream: string, origin: string, last: LocalRecord | undefined): number {
    const key = `${stream} ${origin}`
    if (last?.control !== 'branch') {
      this.#seen.delete(key)
      return 0
    }
    const { localSequence: sequence, localStamp: stamp } = last
    const known = this.#seen.get(key)
    if (known?.sequence === sequence && known.stamp === stamp) return this.#elapsed() - known.sinceMs
    this.#seen.set(key, { sequence, stamp, sinceMs: this.#elapsed() })
    return 0
  }

  /** Forgets streams that are gone. */
  keepOnly(streams: { has(stream: string): boolean }): void {
    for (const key of this.#seen.keys()) {
      if (!streams.has(key.slice(0, key.indexOf(' ')))) this.#seen.delete(key)
    }
  }
}
