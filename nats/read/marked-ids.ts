import { CONTROL_HEADER, HEADER, MeshError } from '@landbridge/core'
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
  /** The subjects of marked events and of markers. */
  readonly filter: string
  /** How many ids are remembered; the oldest are forgotten, with a warning. Default 200,000. */
  readonly idsMax?: number
  readonly log?: Log
}

/** What was read of one incarnation of the stream over one connection. */
type MarkedSet = {
  /** Id to sequence, oldest first. */
  readonly ids: Map<string, number>
  newest: { readonly sequence: number; readonly stampNs: bigint } | undefined
  created: string | undefined
}

/**
 * The message ids of one topic's marked events in this region, and of those that a marker stands for (RULES.md 5 and 8).
 *
 * 1. After refresh() the set has seen every marked event that was stored, by the stream's leader, before the call.
 * 2. It is built anew after a lost connection and when the stream was made anew or lost its tail (rule 6). Until the
 *    new set is complete nothing is answered: `token` is undefined, and `has` throws.
 */
export class MarkedIds {
  readonly #options: MarkedIdsOptions
  /** Complete as of the last refresh; undefined while it is built anew. */
  #set: MarkedSet | undefined
  #epoch = 0
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

  /** Another one after the set was built anew; undefined while that goes on. */
  get token(): object | undefined {
    return this.#set
  }

  /** @throws MeshError 'unavailable' while the set is built anew. */
  has(messageId: string): boolean {
    if (this.#set === undefined) throw this.#anew()
    return this.#set.ids.has(messageId)
  }

  /** Where the marked event with this id is stored; undefined when the set does not have it. */
  sequenceOf(messageId: string): number | undefined {
    return this.#set?.ids.get(messageId)
  }

  get size(): number {
    return this.#set?.ids.size ?? 0
  }

  /** The sequence of the newest marked event the set has seen; 0 for none. */
  get seen(): number {
    return this.#set?.newest?.sequence ?? 0
  }

  async #refresh(): Promise<void> {
    const { session, stream, filter } = this.#options
    const { epoch } = session
    if (this.#epoch !== epoch) this.#set = undefined
    const last = await lastRecord(session, stream, filter)
    if (this.#set !== undefined && !(await this.#stillHolds(this.#set, last))) this.#set = undefined
    const set = this.#set ?? { ids: new Map<string, number>(), newest: undefined, created: undefined }
    if (last !== undefined && last.sequence > (set.newest?.sequence ?? 0)) await this.#read(set, last)
    if (session.epoch !== epoch) throw this.#anew()
    this.#set = set
    this.#epoch = epoch
  }

  /** Whether what was seen before still lies in the stream under `last`. */
  async #stillHolds({ newest, created }: MarkedSet, last: StoredMessage | undefined): Promise<boolean> {
    const { session, stream } = this.#options
    if (newest === undefined) return true
    if (last === undefined) return false
    if (last.sequence <= newest.sequence) return last.sequence === newest.sequence && last.stampNs === newest.stampNs
    const record = await recordAt(session, stream, newest.sequence)
    if (record !== undefined) return record.stampNs === newest.stampNs
    return (await askStreamInfo(session, stream)).created === created
  }

  async #read(set: MarkedSet, last: StoredMessage): Promise<void> {
    const { session, stream, filter } = this.#options
    set.created ??= (await askStreamInfo(session, stream)).created
    await readRange({
      session,
      stream,
      filters: [filter],
      start: { sequence: (set.newest?.sequence ?? 0) + 1 },
      headersOnly: true,
      onMessage: (message) => {
        this.#add(set.ids, message)
        return message.sequence < last.sequence
      },
    })
    set.newest = { sequence: last.sequence, stampNs: last.stampNs }
  }

  #add(ids: Map<string, number>, message: StoredMessage): void {
    const { idsMax = 200_000, stream, log = silentLog } = this.#options
    // A marker names the event that it stands for.
    const id = message.header(HEADER.messageId) ?? message.header(CONTROL_HEADER.eventId)
    if (id === undefined) return
    ids.set(id, message.sequence)
    if (ids.size <= idsMax) return
    for (const oldest of ids.keys()) {
      ids.delete(oldest)
      break
    }
    if (!this.#warned) log.warn({ stream, idsMax }, 'too many marked events: the ids of the oldest are forgotten')
    this.#warned = true
  }

  #anew(): MeshError {
    const message = `read ${this.#options.stream}: its marked events are being read anew`
    return new MeshError('unavailable', message, { retryAfterMs: 250 })
  }
}
