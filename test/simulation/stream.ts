import { type LocalPlace, type LocalRecord, type Position, samePosition } from '@landbridge/core'
import type { Message, Stored } from './record.ts'

const NONE: readonly Stored[] = []

/** The messages of one region's stream, oldest first, and what one may ask about them without reading them all. */
export class Stream {
  readonly #log: Stored[] = []
  readonly #byOrigin = new Map<string, Stored[]>()
  readonly #events = new Map<string, Stored[]>()
  readonly #marked = new Map<string, Stored[]>()
  /** Events that were ever here and were not lost, those that retention took among them. */
  readonly #shown = new Map<string, number>()
  #first = 1

  /** Oldest sequence that is kept; one above `last` when nothing is. */
  get first(): number {
    return this.#first
  }

  /** Newest sequence. */
  get last(): number {
    return this.#log.length
  }

  /** The record at a sequence; undefined when there is none, or none any more. */
  at(sequence: number): Stored | undefined {
    return sequence < this.#first ? undefined : this.#log[sequence - 1]
  }

  /** { 0, 0n } when nothing is kept. */
  get end(): LocalPlace {
    const record = this.at(this.last)
    return record === undefined ? { sequence: 0, stamp: 0n } : { sequence: this.last, stamp: record.localStamp }
  }

  /** The records of an origin that are kept, control records included, oldest first. */
  of(origin: string): readonly Stored[] {
    return this.#byOrigin.get(origin) ?? NONE
  }

  /** The last record of an origin as a run is told of it. */
  lastOf(origin: string): LocalRecord | undefined {
    const record = this.of(origin).at(-1)
    if (record === undefined) return undefined
    const { kind, position, localSequence, localStamp, target } = record
    if (kind === 'event' || kind === 'marker') return { position, localSequence, localStamp }
    return { position, localSequence, localStamp, control: kind, behind: target }
  }

  /** Where an origin's records end, or only its markers: the fence that would pass now. */
  fenceOf(origin: string, markersOnly = false): number {
    const records = this.of(origin)
    const last = markersOnly ? records.findLast(({ kind }) => kind === 'marker') : records.at(-1)
    return last?.localSequence ?? 0
  }

  /** The events with this id that are kept. */
  events(id: string): readonly Stored[] {
    return this.#events.get(id) ?? NONE
  }

  /** The marked events and the markers of this id that are kept. */
  marked(id: string): readonly Stored[] {
    return this.#marked.get(id) ?? NONE
  }

  /** How often an event was stored here and not lost, as subscribers see it: whatever retention has taken since. */
  shown(id: string): number {
    return this.#shown.get(id) ?? 0
  }

  /** Everything that was stored here and not lost, also what retention has taken. */
  get history(): readonly Stored[] {
    return this.#log
  }

  /** Everything that is kept, oldest first. */
  all(): readonly Stored[] {
    return this.#first === 1 ? this.#log : this.#log.slice(this.#first - 1)
  }

  /** The records of an origin behind a local sequence, oldest first. */
  behind(origin: string, sequence: number): readonly Stored[] {
    const list = this.of(origin)
    let from = list.length
    while (from > 0 && (list[from - 1]?.localSequence ?? 0) > sequence) from--
    return from === 0 ? list : list.slice(from)
  }

  /** The first record of an origin at or behind a local sequence. */
  from(origin: string, sequence: number): Stored | undefined {
    const list = this.of(origin)
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((list[middle]?.localSequence ?? 0) < sequence) low = middle + 1
      else high = middle
    }
    return list[low]
  }

  /** The event of an origin at a position, as it lies here. */
  find(origin: string, position: Position): Stored | undefined {
    return this.of(origin).findLast((record) => record.kind === 'event' && samePosition(record.position, position))
  }

  append(message: Message, own: boolean, stamp: bigint, storedMs: number, at: number): Stored {
    const localSequence = this.#log.length + 1
    const position = own ? { sequence: localSequence, stamp } : message.position
    if (position === undefined) throw new Error('stream: a record of another region has no position')
    const stored: Stored = { ...message, position, localSequence, localStamp: stamp, storedMs, at }
    this.#log.push(stored)
    push(this.#byOrigin, stored.origin, stored)
    if (stored.kind === 'event') {
      push(this.#events, stored.id, stored)
      this.#shown.set(stored.id, this.shown(stored.id) + 1)
    }
    if (stored.mark !== undefined) push(this.#marked, stored.id, stored)
    return stored
  }

  /** Loses everything behind `last`; tells of each, newest first. */
  truncate(last: number, lost: (record: Stored) => void): void {
    while (this.#log.length > last) {
      const record = this.#log.pop()
      if (record === undefined) break
      if (record.kind === 'event') this.#shown.set(record.id, this.shown(record.id) - 1)
      if (record.localSequence < this.#first) continue
      for (const list of this.#listsOf(record)) list.pop()
      lost(record)
    }
    this.#first = Math.min(this.#first, last + 1)
  }

  /** Keeps nothing below `first`; tells of each, oldest first. */
  expire(first: number, gone: (record: Stored) => void): void {
    while (this.#first < first && this.#first <= this.last) {
      const record = this.at(this.#first)
      this.#first++
      if (record === undefined) continue
      for (const list of this.#listsOf(record)) list.shift()
      gone(record)
    }
  }

  /** The lists in which a record is: the oldest that is kept is the first in each, the newest the last. */
  #listsOf({ origin, kind, id, mark }: Stored): readonly Stored[][] {
    const lists = [this.#byOrigin.get(origin)]
    if (kind === 'event') lists.push(this.#events.get(id))
    if (mark !== undefined) lists.push(this.#marked.get(id))
    return lists.filter((list) => list !== undefined)
  }
}

function push(index: Map<string, Stored[]>, key: string, record: Stored): void {
  const list = index.get(key)
  if (list === undefined) index.set(key, [record])
  else list.push(record)
}
