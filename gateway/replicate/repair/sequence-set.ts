const PAGE = 65_536

/** A set of sequences, one bit each: a million of them in a row take 128 KiB. */
export class SequenceSet {
  readonly #pages = new Map<number, Uint8Array>()

  add(sequence: number): void {
    const key = Math.floor(sequence / PAGE)
    const page = this.#pages.get(key) ?? new Uint8Array(PAGE / 8)
    this.#pages.set(key, page)
    const at = sequence % PAGE
    page[at >> 3] = (page[at >> 3] ?? 0) | (1 << (at & 7))
  }

  has(sequence: number): boolean {
    const at = sequence % PAGE
    return (((this.#pages.get(Math.floor(sequence / PAGE))?.[at >> 3] ?? 0) >> (at & 7)) & 1) === 1
  }
}
