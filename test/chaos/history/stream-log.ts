import type { EventName } from './history.ts'

/** One event as it lies in a region's stream. */
export type StoredEvent = EventName & {
  /** Place of the region that stored it first. */
  readonly origin: number
  /** Where it is in the origin's stream: with `stamp`, one act of storing. */
  readonly sequence: number
  readonly stamp: bigint
}

const FIRST_CAPACITY = 4096
const STRANGERS_MAX = 100

/** The events of one region's stream of one topic, in its order, in columns: 22 bytes an event. */
export class StreamLog {
  readonly region: number
  readonly topic: string
  /** Events that no publisher of the run knows: the first few in words. */
  readonly strangers: string[] = []
  length = 0
  /** Events that show another region's secret: the first few in words. */
  readonly leaks: string[] = []
  /** Control records, which are no events. */
  controls = 0
  #publishers = new Uint8Array(FIRST_CAPACITY)
  #origins = new Uint8Array(FIRST_CAPACITY)
  #numbers = new Uint32Array(FIRST_CAPACITY)
  #sequences = new Float64Array(FIRST_CAPACITY)
  #stamps = new BigUint64Array(FIRST_CAPACITY)

  constructor(region: number, topic: string) {
    this.region = region
    this.topic = topic
  }

  push(event: StoredEvent): void {
    if (this.length === this.#numbers.length) this.#grow()
    const at = this.length++
    this.#publishers[at] = event.publisher
    this.#origins[at] = event.origin
    this.#numbers[at] = event.number
    this.#sequences[at] = event.sequence
    this.#stamps[at] = event.stamp
  }

  stranger(words: string): void {
    if (this.strangers.length < STRANGERS_MAX) this.strangers.push(words)
  }

  leak(words: string): void {
    if (this.leaks.length < STRANGERS_MAX) this.leaks.push(words)
  }

  publisher(at: number): number {
    return this.#publishers[at] ?? 0
  }

  number(at: number): number {
    return this.#numbers[at] ?? 0
  }

  origin(at: number): number {
    return this.#origins[at] ?? 0
  }

  sequence(at: number): number {
    return this.#sequences[at] ?? 0
  }

  stamp(at: number): bigint {
    return this.#stamps[at] ?? 0n
  }

  #grow(): void {
    const size = this.#numbers.length * 2
    this.#publishers = new Uint8Array(this.#publishers.buffer.transfer(size))
    this.#origins = new Uint8Array(this.#origins.buffer.transfer(size))
    this.#numbers = new Uint32Array(this.#numbers.buffer.transfer(size * 4))
    this.#sequences = new Float64Array(this.#sequences.buffer.transfer(size * 8))
    this.#stamps = new BigUint64Array(this.#stamps.buffer.transfer(size * 8))
  }
}
