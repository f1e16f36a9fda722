/** First in, first out, without moving what is in it at every step. It has no bound of its own: its owner has. */
export class Queue<Item> {
  #items: (Item | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  /** The next item, which stays. */
  peek(): Item | undefined {
    return this.#items[this.#head]
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    // What was taken must not be kept alive by its place.
    this.#items[this.#head] = undefined
    this.#head += 1
    const { length } = this.#items
    if (this.#head === length || (this.#head > 4_096 && this.#head * 2 > length)) this.#rebase(this.#rest())
    return item
  }

  /** Puts `items` before everything else, in their order. */
  pushFront(items: readonly Item[]): void {
    if (items.length > 0) this.#rebase([...items, ...this.#rest()])
  }

  /** Takes out those for which `is` holds; the others keep their order. */
  remove(is: (item: Item) => boolean): void {
    this.#rebase(this.#rest().filter((item) => !is(item)))
  }

  /** Takes everything out. */
  clear(): void {
    this.#rebase([])
  }

  #rest(): Item[] {
    return this.#items.slice(this.#head) as Item[]
  }

  #rebase(items: Item[]): void {
    this.#items = items
    this.#head = 0
  }
}
