import { askStreamInfo } from '../api.ts'
import { type Log, silentLog } from '../log.ts'
import type { NatsSession } from '../session.ts'
import type { StoredMessage } from './message.ts'
import { readRange } from './read-range.ts'
import { lastRecord, recordAt } from './records.ts'

/** Options of `MarkedIds`. */
export type MarkedIdsOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** The subjects of marked events. */
  readonly filter: string
  /** How many ids are remembered; the oldest are forgotten, with a warning. Default 200,000. */
  readonly idsMax?: number
  readonly log?: Log
}

/**
 * The message ids of one topic's marked events in this region (RULES.md 5).
 *
 * 1. After refresh() the set has seen every marked event that was stored, by the stream's leader, before the call.
 * 2. It is built anew after a lost connection and when the stream was made anew or lost its tail (rule 6).
 */
export class MarkedIds {
  readonly #options: MarkedIdsOptions
  /** Id to sequence, oldest first. */
  readonly #ids = new Map<string, number>()
  #newest: { readonly sequence: number; readonly stampNs: bigint } | undefined
  #epoch = 0
  #created: string | undefined
  #running: Promise<void> | undefined
  #following: Promise<void> | undefined
  #warned = false

  constructor(options: MarkedIdsOptions) {
    this.#options = options
  }

  /** Brings the set up to the leader's end. Rejects with a MeshError; then nothing may be decided by the set. */
  refresh(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#refresh().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    // The one that is running may have asked the leader already: all who come meanwhile share the next.
    this.#following ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#following = undefined
        return this.refresh()
      })
    return this.#following
  }

  has(messageId: string): boolean {
    return this.#ids.has(messageId)
  }

  /** Where the marked event with this id is stored; undefined when the set does not have it. */
  sequenceOf(messageId: string): number | undefined {
    return this.#ids.get(messageId)
  }

  get size(): number {
    return this.#ids.size
  }

  /** The sequence of the newest marked event the set has seen; 0 for none. */
  get seen(): number {
    return this.#newest?.sequence ?? 0
  }

  async #refresh(): Promise<void> {
    const { session, stream, filter } = this.#options
    if (this.#epoch !== session.epoch) this.#forget()
    const { epoch } = session
    const last = await lastRecord(session, stream, filter)
    if (last === undefined) {
      this.#forget()
    } else {
      if (!(await this.#stillHolds(last))) this.#forget()
      if (last.sequence > this.seen) await this.#read(last)
    }
    this.#epoch = epoch
  }

  /** Whether what was seen before still lies in the stream under `last`. */
  async #stillHolds(last: StoredMessage): Promise<boolean> {
    const { session, stream } = this.#options
    const newest = this.#newest
    if (newest === undefined) return true
    if (last.sequence <= newest.sequence) return last.sequence === newest.sequence && last.stampNs === newest.stampNs
    const record = await recordAt(session, stream, newest.sequence)
    if (record !== undefined) return record.stampNs === newest.stampNs
    return (await askStreamInfo(session, stream)).created === this.#created
  }

  async #read(last: StoredMessage): Promise<void> {
    const { session, stream, filter } = this.#options
    this.#created ??= (await askStreamInfo(session, stream)).created
    await readRange({
      session,
      stream,
      filters: [filter],
      start: { sequence: this.seen + 1 },
      headersOnly: true,
      onMessage: (message) => {
        this.#add(message)
        return message.sequence < last.sequence
      },
    })
    this.#newest = { sequence: last.sequence, stampNs: last.stampNs }
  }

  #add(message: StoredMessage): void {
    const { idsMax = 200_000, stream, log = silentLog } = this.#options
    const id = message.header('Nats-Msg-Id')
    if (id === undefined) return
    this.#ids.set(id, message.sequence)
    if (this.#ids.size <= idsMax) return
    for (const oldest of this.#ids.keys()) {
      this.#ids.delete(oldest)
      break
    }
    if (!this.#warned) log.warn({ stream, idsMax }, 'too many marked events: the ids of the oldest are forgotten')
    this.#warned = true
  }

  #forget(): void {
    this.#ids.clear()
    this.#newest = undefined
    this.#created = undefined
  }
}
