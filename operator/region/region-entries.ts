/** A stored document of the configuration. */
export type RegionEntry = {
  readonly value: string
  /** Revision of the bucket at which it was put. */
  readonly revision: number
}

/**
 * The entries of the configuration bucket, as they are told one by one. Pure bookkeeping: what an operator has written
 * itself counts at once, and older news that come later do not undo it.
 */
export class RegionEntries {
  #entries = new Map<string, RegionEntry>()
  /** What is told from the beginning, until all of it was; undefined afterwards. */
  #arriving: Map<string, RegionEntry> | undefined = new Map()

  get(key: string): RegionEntry | undefined {
    return this.#entries.get(key)
  }

  /** Every entry whose key begins so. */
  *under(prefix: string): Iterable<RegionEntry> {
    for (const [key, entry] of this.#entries) if (key.startsWith(prefix)) yield entry
  }

  /** An entry was put, or deleted (undefined); returns whether that is news. */
  take(key: string, value: string | undefined, revision: number): boolean {
    const entries = this.#arriving ?? this.#entries
    const known = entries.get(key)
    if (known !== undefined && known.revision > revision) return false
    if (value === undefined) entries.delete(key)
    else entries.set(key, { value, revision })
    return this.#arriving === undefined && known?.value !== value
  }

  /** What was written by this process. */
  learn(key: string, entry: RegionEntry | undefined): void {
    for (const entries of [this.#entries, this.#arriving]) {
      if (entry === undefined) entries?.delete(key)
      else entries?.set(key, entry)
    }
  }

  /** All that is there has been told; returns the keys of what is other than it was. */
  caughtUp(): readonly string[] {
    const arrived = this.#arriving
    if (arrived === undefined) return []
    const before = this.#entries
    this.#entries = arrived
    this.#arriving = undefined
    const changed = [...arrived.keys()].filter((key) => before.get(key)?.value !== arrived.get(key)?.value)
    return [...changed, ...[...before.keys()].filter((key) => !arrived.has(key))]
  }

  /** All is told from the beginning, of a bucket that may be another one: what was known stands until then. */
  restart(): void {
    this.#arriving = new Map()
  }
}
