/** What can be made to forget. */
export type Forgetful = {
  readonly size: number
  /** Forgets so many of its oldest. */
  forget(count: number): void
}

/**
 * How many ids the sets that share it may remember together. When there are more, the largest set forgets some of its
 * oldest ones: a topic with few ids does not pay for one with many.
 */
export class IdRoom {
  readonly idsMax: number
  readonly #sets = new Set<Forgetful>()
  #used = 0

  /** @param idsMax at least 1; an id takes about 150 bytes */
  constructor(idsMax: number) {
    this.idsMax = idsMax
  }

  /** Ids that are remembered now. */
  get used(): number {
    return this.#used
  }

  /** A set remembers one more, or so many less. */
  count(set: Forgetful, change: number): void {
    this.#used += change
    this.#sets.add(set)
    if (this.#used <= this.idsMax) return
    let largest = set
    for (const other of this.#sets) if (other.size > largest.size) largest = other
    // Many at once: looking for the largest takes a look at each.
    largest.forget(Math.max(1, Math.min(Math.floor(this.idsMax / 100), largest.size)))
  }

  /** The set is gone, with all that it remembers. */
  leave(set: Forgetful): void {
    if (this.#sets.delete(set)) this.#used -= set.size
  }
}
