/** Lets one after the other have a set of named things. */
export class Claims {
  readonly #last = new Map<string, Promise<void>>()

  /** Waits until all are free and takes them. The result gives them back. */
  async take(names: readonly string[]): Promise<() => void> {
    const mine = Promise.withResolvers<void>()
    const before = names.map((name) => this.#last.get(name))
    for (const name of names) this.#last.set(name, mine.promise)
    await Promise.all(before)
    return () => mine.resolve()
  }
}
