import { PUBLISH_EVENTS_MAX, type Queue } from '@landbridge/core'
import { AttemptHistory } from './history.ts'
import type { BatchPlace, Send } from './send.ts'

/** A run of events of one send. */
type Part = { readonly send: Send; readonly from: number; readonly to: number }

/** Events per batch, unless a send brings a batch of its own: beyond it, the cost of a batch is spread enough. */
const BATCH_EVENTS = 500
const BATCH_BYTES = 1024 * 1024

/** Events that go to the gateway together, and what may have become of them. They stay together for good. */
export class StreamBatch {
  /** Batches are sent again in this order. */
  readonly order: number
  readonly history = new AttemptHistory()
  #parts: readonly Part[]
  #events: readonly Uint8Array[] | undefined
  #bytes: number

  constructor(order: number, parts: readonly Part[], bytes: number) {
    this.order = order
    this.#parts = parts
    this.#bytes = bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Encoded, in order. */
  get events(): readonly Uint8Array[] {
    this.#events ??= this.#collect()
    return this.#events
  }

  /** The send and the index in it of the event at a place of the batch. */
  at(place: number): { readonly send: Send; readonly index: number } | undefined {
    let rest = place
    for (const { send, from, to } of this.#parts) {
      if (rest < to - from) return { send, index: from + rest }
      rest -= to - from
    }
    return undefined
  }

  /** Every event was stored. */
  stored(place: BatchPlace): void {
    for (const { send, from, to } of this.#parts) send.stored(to - from, place)
  }

  /** Keeps the events at these places only; at none, the batch is empty. */
  keep(places: readonly number[]): void {
    const parts: Part[] = []
    for (const place of places) {
      const found = this.at(place)
      if (found !== undefined) parts.push({ send: found.send, from: found.index, to: found.index + 1 })
    }
    this.#parts = parts
    this.#changed()
  }

  /** Leaves out what nobody waits for any more. False when nothing is left. */
  prune(): boolean {
    if (this.#parts.some(({ send }) => send.settled)) {
      this.#parts = this.#parts.filter(({ send }) => !send.settled)
      this.#changed()
    }
    return this.#parts.length > 0
  }

  /** The sends that have events in it. */
  sends(): readonly Send[] {
    return this.#parts.map(({ send }) => send)
  }

  #changed(): void {
    this.#events = undefined
    this.#bytes = this.events.reduce((sum, event) => sum + event.length, 0)
  }

  #collect(): readonly Uint8Array[] {
    const [only] = this.#parts
    if (only !== undefined && this.#parts.length === 1 && only.to - only.from === only.send.events.length)
      return only.send.events
    return this.#parts.flatMap(({ send, from, to }) => send.events.slice(from, to))
  }
}

/** The next batch of what is queued: whole sends together as far as they fit, or a piece of a large one. Undefined when nothing is queued. */
export function nextBatch(queue: Queue<Send>, order: number): StreamBatch | undefined {
  const parts: Part[] = []
  let events = 0
  let bytes = 0
  for (let send = queue.peek(); send !== undefined; send = queue.peek()) {
    if (send.settled) {
      queue.shift()
      continue
    }
    const left = send.events.length - send.taken
    const fits = send.taken === 0 && events + left <= BATCH_EVENTS && bytes + send.bytes <= BATCH_BYTES
    if (parts.length > 0 && !fits) break
    const piece = fits || wholeAlone(send) ? { to: send.events.length, bytes: send.bytes } : pieceOf(send)
    parts.push({ send, from: send.taken, to: piece.to })
    events += piece.to - send.taken
    bytes += piece.bytes
    send.taken = piece.to
    if (send.taken < send.events.length) break
    queue.shift()
    if (events >= BATCH_EVENTS || bytes >= BATCH_BYTES) break
  }
  return parts.length === 0 ? undefined : new StreamBatch(order, parts, bytes)
}

function wholeAlone(send: Send): boolean {
  return send.taken === 0 && send.events.length <= PUBLISH_EVENTS_MAX && send.bytes <= BATCH_BYTES
}

function pieceOf(send: Send): { readonly to: number; readonly bytes: number } {
  let to = send.taken
  let bytes = 0
  while (to < send.events.length && to - send.taken < BATCH_EVENTS) {
    const { length } = send.events[to] as Uint8Array
    if (bytes > 0 && bytes + length > BATCH_BYTES) break
    bytes += length
    to += 1
  }
  return { to, bytes }
}
