import { MeshError, type UnmarkedEvent } from '@landbridge/core'
import { askStreamInfo } from '../api.ts'
import { type Log, silentLog } from '../log.ts'
import type { NatsSession } from '../session.ts'
import { IdRoom } from './id-room.ts'
import { IdSet } from './id-set.ts'
import type { StoredMessage } from './message.ts'
import { readRange } from './read-range.ts'
import { lastRecord, recordAt } from './records.ts'

/** Options of `StreamIds`. */
export type StreamIdsOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** Which records, by their subject. A marker counts for the event that it stands for. */
  readonly filter: string
  /** Stored at or after, in ms since 1970. Default: all. */
  readonly fromMs?: number
  /**
   * How many ids are remembered; when there are more the oldest are forgotten, with a warning: see `covers`. With `fromMs`
   * nothing more is read then: see `complete`. Default: 1,000,000, shared with nobody.
   */
  readonly room?: IdRoom
  readonly log?: Log
}

/**
 * The message ids of a stream's records, of all that match a filter, kept up to date by reading what is new.
 *
 * 1. After refresh() the set has seen every such record that was stored, by the stream's leader, before the call.
 * 2. It is built anew after a lost connection and when the stream was made anew or lost its tail (rule 6 of the
 *    replication protocol). Until the new set is complete nothing is answered: `token` is undefined, and `has` throws.
 * 3. What it had no room for it does not answer for: see `covers`.
 */
export class StreamIds {
  readonly #options: StreamIdsOptions
  readonly #room: IdRoom
  /** Complete as of the last refresh; undefined while it is built anew. */
  #set: IdSet | undefined
  #epoch = 0
  #running: Promise<void> | undefined
  #following: Promise<void> | undefined
  #warned = false
  #closed = false

  constructor(options: StreamIdsOptions) {
    this.#options = options
    this.#room = options.room ?? new IdRoom(1_000_000)
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
    return this.#set.sequenceOf(messageId) !== undefined
  }

  /** Where the event with this id is stored; undefined when the set does not have it. */
  sequenceOf(messageId: string): number | undefined {
    return this.#set?.sequenceOf(messageId)
  }

  /** False when ids were forgotten since the set was built: there were too many. */
  get complete(): boolean {
    return this.#set?.complete === true
  }

  /**
   * Whether the set answers for an unmarked event: false when it had no room for an id that may be this one, and the
   * stream itself must be asked.
   */
  covers(event: UnmarkedEvent): boolean {
    return this.#set?.covers(event) === true
  }

  /** Forgets everything: it is not asked any more. Idempotent. */
  close(): void {
    this.#closed = true
    this.#drop()
  }

  get size(): number {
    return this.#set?.size ?? 0
  }

  /** The sequence of the newest record the set has seen; 0 for none. */
  get seen(): number {
    return this.#set?.newest?.sequence ?? 0
  }

  async #refresh(): Promise<void> {
    const { session, stream, filter, log = silentLog } = this.#options
    const { epoch } = session
    if (this.#epoch !== epoch) this.#drop()
    const last = await lastRecord(session, stream, filter)
    if (this.#set !== undefined && !(await this.#stillHolds(this.#set, last))) this.#drop()
    const set = this.#set ?? new IdSet(this.#room)
    try {
      if (last !== undefined && last.sequence > (set.newest?.sequence ?? 0)) await this.#read(set, last)
      if (session.epoch !== epoch || this.#closed) throw this.#anew()
      this.#set = set
      this.#epoch = epoch
    } finally {
      if (this.#set !== set) set.leave()
    }
    if (!set.complete && !this.#warned) {
      log.warn({ stream, idsMax: this.#room.idsMax }, 'too many ids to remember: the oldest are forgotten')
      this.#warned = true
    }
  }

  #drop(): void {
    this.#set?.leave()
    this.#set = undefined
  }

  /** Whether what was seen before still lies in the stream under `last`. */
  async #stillHolds({ newest, created }: IdSet, last: StoredMessage | undefined): Promise<boolean> {
    const { session, stream } = this.#options
    if (newest === undefined) return true
    if (last === undefined) return false
    if (last.sequence <= newest.sequence) return last.sequence === newest.sequence && last.stampNs === newest.stampNs
    const record = await recordAt(session, stream, newest.sequence)
    if (record !== undefined) return record.stampNs === newest.stampNs
    return (await askStreamInfo(session, stream)).created === created
  }

  async #read(set: IdSet, last: StoredMessage): Promise<void> {
    const { session, stream, filter, fromMs } = this.#options
    const { newest } = set
    const fresh = fromMs === undefined ? 'all' : ({ timeMs: Math.floor(fromMs) } as const)
    const start = newest === undefined ? fresh : { sequence: newest.sequence + 1 }
    set.created ??= (await askStreamInfo(session, stream)).created
    await readRange({
      session,
      stream,
      filters: [filter],
      start,
      headersOnly: true,
      onMessage: (message) => {
        set.add(message)
        // What is not complete since its beginning is of no use.
        return !this.#closed && message.sequence < last.sequence && (fromMs === undefined || set.complete)
      },
    })
    set.newest = { sequence: last.sequence, stampNs: last.stampNs }
  }

  #anew(): MeshError {
    const message = `read ${this.#options.stream}: its message ids are being read anew`
    return new MeshError('unavailable', message, { retryAfterMs: 250 })
  }
}
