import type { PublisherInfo } from './history.ts'

/** What became of an event, as its publisher heard it. */
export const OUTCOME = {
  pending: 0,
  acknowledged: 1,
  /** Given up; it may have been stored. */
  ambiguous: 2,
  /** Given up; the mesh said that it was not stored. */
  refused: 3,
} as const

/** What an acknowledgement said. */
export type Acknowledgement = {
  /** Place of the region that stored the event. */
  readonly region: number
  /** Bit n is set when the region at place n was named as a holder. */
  readonly holders: number
  /** The mesh said that it could not keep the topic's durability. */
  readonly degraded: boolean
  readonly atMs: number
}

const FIRST_CAPACITY = 1024
const NO_REGION = 255

/** The events of one publisher in columns, numbered from 1 in the order of their first attempts. */
export class PublisherHistory {
  readonly info: PublisherInfo
  readonly counts = { tried: 0, acknowledged: 0, ambiguous: 0, refused: 0 }
  readonly #eventsMax: number
  #outcomes = new Uint8Array(FIRST_CAPACITY)
  #regions = new Uint8Array(FIRST_CAPACITY)
  #degraded = new Uint8Array(FIRST_CAPACITY)
  #keys = new Uint16Array(FIRST_CAPACITY)
  #holders = new Uint16Array(FIRST_CAPACITY)
  #sentMs = new Uint32Array(FIRST_CAPACITY)
  #endedMs = new Uint32Array(FIRST_CAPACITY)
  readonly #seenMs: Uint32Array<ArrayBuffer>[]

  constructor(info: PublisherInfo, regions: number, eventsMax: number) {
    this.info = info
    this.#eventsMax = eventsMax
    this.#seenMs = Array.from({ length: regions }, () => new Uint32Array(FIRST_CAPACITY))
  }

  /** The highest number. */
  get last(): number {
    return this.counts.tried
  }

  /** A first attempt begins. Returns the event's number; undefined when there is room for no more. */
  begin(key: number, atMs: number): number | undefined {
    if (this.counts.tried >= this.#eventsMax) return undefined
    const number = ++this.counts.tried
    if (number >= this.#outcomes.length) this.#grow()
    this.#keys[number] = key
    this.#sentMs[number] = atMs
    this.#regions[number] = NO_REGION
    return number
  }

  acknowledged(number: number, { region, holders, degraded, atMs }: Acknowledgement): void {
    this.#outcomes[number] = OUTCOME.acknowledged
    this.#regions[number] = region < 0 ? NO_REGION : region
    this.#holders[number] = holders
    this.#degraded[number] = degraded ? 1 : 0
    this.#endedMs[number] = atMs
    this.counts.acknowledged++
  }

  failed(number: number, ambiguous: boolean, atMs: number): void {
    this.#outcomes[number] = ambiguous ? OUTCOME.ambiguous : OUTCOME.refused
    this.#endedMs[number] = atMs
    this.counts[ambiguous ? 'ambiguous' : 'refused']++
  }

  /** A subscriber of a region was shown it. Returns false when it had been before. */
  seen(number: number, region: number, atMs: number): boolean {
    const times = this.#seenMs[region]
    if (times === undefined || (times[number] ?? 0) > 0) return false
    times[number] = Math.max(1, atMs)
    return true
  }

  outcome(number: number): number {
    return this.#outcomes[number] ?? OUTCOME.pending
  }

  key(number: number): number {
    return this.#keys[number] ?? 0
  }

  /** Place of the region that acknowledged it; undefined when none did. */
  region(number: number): number | undefined {
    const region = this.#regions[number] ?? NO_REGION
    return region === NO_REGION ? undefined : region
  }

  holders(number: number): number {
    return this.#holders[number] ?? 0
  }

  degraded(number: number): boolean {
    return this.#degraded[number] === 1
  }

  sentMs(number: number): number {
    return this.#sentMs[number] ?? 0
  }

  /** When its outcome was known; 0 while it is pending. */
  endedMs(number: number): number {
    return this.#endedMs[number] ?? 0
  }

  /** When a region's subscriber was first shown it; 0 when it was not. */
  seenMs(number: number, region: number): number {
    return this.#seenMs[region]?.[number] ?? 0
  }

  #grow(): void {
    const size = this.#outcomes.length * 2
    const bytes = (old: Uint8Array<ArrayBuffer>) => new Uint8Array(old.buffer.transfer(size))
    const words = (old: Uint16Array<ArrayBuffer>) => new Uint16Array(old.buffer.transfer(size * 2))
    const longs = (old: Uint32Array<ArrayBuffer>) => new Uint32Array(old.buffer.transfer(size * 4))
    this.#outcomes = bytes(this.#outcomes)
    this.#regions = bytes(this.#regions)
    this.#degraded = bytes(this.#degraded)
    this.#keys = words(this.#keys)
    this.#holders = words(this.#holders)
    this.#sentMs = longs(this.#sentMs)
    this.#endedMs = longs(this.#endedMs)
    for (const [region, times] of this.#seenMs.entries()) this.#seenMs[region] = longs(times)
  }
}
