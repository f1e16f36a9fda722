import { isDeepStrictEqual } from 'node:util'

/** Readings by name, as they are shown: a change counts when two readings in a row agree, so that a hiccup is none. */
export class SteadyReadings<T> {
  readonly #shown = new Map<string, T>()
  #last: ReadonlyMap<string, T> | undefined

  /** What is shown of a name; undefined when nothing is known. */
  get(name: string): T | undefined {
    return this.#shown.get(name)
  }

  /** A whole reading; returns the names of which something else is shown than before. The first is shown as it is. */
  take(reading: ReadonlyMap<string, T>): readonly string[] {
    const last = this.#last ?? reading
    this.#last = reading
    const changed: string[] = []
    for (const name of new Set([...reading.keys(), ...this.#shown.keys()])) {
      const now = reading.get(name)
      const shown = this.#shown.get(name)
      if (isDeepStrictEqual(now, shown) || !isDeepStrictEqual(now, last.get(name))) continue
      if (now === undefined) this.#shown.delete(name)
      else this.#shown.set(name, now)
      changed.push(name)
    }
    return changed
  }
}
