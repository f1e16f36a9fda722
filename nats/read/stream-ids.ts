import { CONTROL_HEADER, HEADER, MeshError } from '@landbridge/core'
import { askStreamInfo } from '../api.ts'
import { type Log, silentLog } from '../log.ts'
import type { NatsSession } from '../session.ts'
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
   * How many ids are remembered; the oldest are forgotten, with a warning. With `fromMs` nothing more is read then: see
   * `complete`. Default 1,000,000.
   */
  readonly idsMax?: number
  readonly log?: Log
}

/** What was read of one incarnation of the stream over one connection. */
type IdSet = {
  /** Id to sequence, oldest first. */
  readonly ids: Map<string, number>
  newest: { readonly sequence: number; readonly stampNs: bigint } | undefined
  created: string | undefined
  forgotten: boolean
}

/**
 * The message ids of a stream's records, of all that match a filter, kept up to date by reading what is new.
 *
 * 1. After refresh() the set has seen every such record that was stored, by the stream's leader, before the call.
 * 2. It is built anew after a lost connection and when the stream was made anew or lost its tail (rule 6 of the
 *    replication protocol). Until the new set is complete nothing is answered: `token` is undefined, and `has` throws.
 */
export class StreamIds {
  readonly #options: StreamIdsOptions
  /** Complete as of the last refresh; undefined while it is built anew. */
  #set: IdSet | undefined
  #epoch = 0
  #running: Promise<void> | undefined
  #following: Promise<void> | undefined
  #warned = false

  constructor(options: StreamIdsOptions) {
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

  /** Where the event with this id is stored; undefined when the set does not have it. */
  sequenceOf(messageId: string): number | undefined {
    return this.#set?.ids.get(messageId)
  }

  /** False when ids were forgotten since the set was built: there were too many. */
  get complete(): boolean {
    return this.#set?.forgotten === false
  }

  get size(): number {
    return this.#set?.ids.size ?? 0
  }

  /** The sequence of the newest record the set has seen; 0 for none. */
  get seen(): number {
    return this.#set?.newest?.sequence ?? 0
  }

  async #refresh(): Promise<void> {
    const { session, stream, filter } = this.#options
    const { epoch } = session
    if (this.#epoch !== epoch) this.#set = undefined
    const last = await lastRecord(session, stream, filter)
    if (this.#set !== undefined && !(await this.#stillHolds(this.#set, last))) this.#set = undefined
    const set = this.#set ?? { ids: new Map<string, number>(), newest: undefined, created: undefined, forgotten: false }
    if (last !== undefined && last.sequence > (set.newest?.sequence ?? 0)) await this.#read(set, last)
    if (session.epoch !== epoch) throw this.#anew()
    this.#set = set
    this.#epoch = epoch
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
        this.#add(set, message)
        // What is not complete since its beginning is of no use.
        return message.sequence < last.sequence && (fromMs === undefined || !set.forgotten)
      },
    })
    set.newest = { sequence: last.sequence, stampNs: last.stampNs }
  }

  #add(set: IdSet, message: StoredMessage): void {
    const { ids } = set
    const { idsMax = 1_000_000, stream, log = silentLog } = this.#options
    const own = message.header(HEADER.messageId)
    // A marker names the event that it stands for.
    const id = own ?? message.header(CONTROL_HEADER.eventId)
    if (id === undefined) return
    ids.set(id, own === undefined ? Number(message.header(CONTROL_HEADER.eventSequence)) : message.sequence)
    if (ids.size <= idsMax) return
    set.forgotten = true
    for (const oldest of ids.keys()) {
      ids.delete(oldest)
      break
    }
    if (!this.#warned) log.warn({ stream, idsMax }, 'too many ids to remember: the oldest are forgotten')
    this.#warned = true
  }

  #anew(): MeshError {
    const message = `read ${this.#options.stream}: its message ids are being read anew`
    return new MeshError('unavailable', message, { retryAfterMs: 250 })
  }
}
