import { HEADER, mayBeCopyOf, parseMark, type UnmarkedEvent } from '@landbridge/core'
import { eventPlace } from './event-place.ts'
import type { Forgetful, IdRoom } from './id-room.ts'
import type { StoredMessage } from './message.ts'

type Span = { readonly region: string; readonly untilMs: number }
type Known = Span & { readonly sequence: number }

/** What says nothing of its other attempts may be a copy of anything. */
const ANY: Span = { region: '', untilMs: Number.POSITIVE_INFINITY }
/** Regions of which it is known by name until when what was forgotten matters; far above those of a mesh. */
const REGIONS_MAX = 64

/** The message ids of records, oldest first; the oldest are forgotten when there is no room for more. */
export class IdSet implements Forgetful {
  readonly #room: IdRoom
  readonly #ids = new Map<string, Known>()
  /** The longest span of what was forgotten, by the region of the first attempt. */
  readonly #forgotten = new Map<string, number>()
  #left = false
  newest: { readonly sequence: number; readonly stampNs: bigint } | undefined
  /** The incarnation of the stream that was read. */
  created: string | undefined

  constructor(room: IdRoom) {
    this.#room = room
  }

  get size(): number {
    return this.#ids.size
  }

  /** True while nothing was forgotten. */
  get complete(): boolean {
    return this.#forgotten.size === 0
  }

  /** False when one that was forgotten may be a copy of this event. */
  covers(event: UnmarkedEvent): boolean {
    for (const [region, untilMs] of this.#forgotten) if (mayBeCopyOf(event, { region, untilMs })) return false
    return true
  }

  /** Where the event with this id is. */
  sequenceOf(messageId: string): number | undefined {
    return this.#ids.get(messageId)?.sequence
  }

  /** Takes the id of a record. */
  add(message: StoredMessage): void {
    const place = eventPlace(message)
    if (place === undefined || this.#left) return
    const { id, sequence } = place
    const known = this.#ids.get(id)
    const span = parseMark(message.header(HEADER.retryOf) ?? '') ?? ANY
    const region = known === undefined || known.region === span.region ? span.region : ANY.region
    this.#ids.set(id, { sequence, region, untilMs: Math.max(span.untilMs, known?.untilMs ?? 0) })
    if (known === undefined) this.#room.count(this, 1)
  }

  forget(count: number): void {
    let left = count
    for (const [id, span] of this.#ids) {
      if (left === 0) break
      left -= 1
      this.#ids.delete(id)
      this.#noteForgotten(span)
    }
    this.#room.count(this, left - count)
  }

  /** Gives its room back: it is not asked any more. */
  leave(): void {
    this.#room.leave(this)
    this.#left = true
  }

  #noteForgotten({ region, untilMs }: Span): void {
    const isNamed = this.#forgotten.has(region) || this.#forgotten.size < REGIONS_MAX
    const key = isNamed ? region : ANY.region
    this.#forgotten.set(key, Math.max(untilMs, this.#forgotten.get(key) ?? 0))
  }
}
