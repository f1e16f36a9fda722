import { MeshError, type RawRecord, type RelayEntry } from '@landbridge/core'
import type { NatsSession, StoredMessage } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import { FRAME_BYTES, FRAME_RECORDS, WINDOW_BYTES } from './pull-request.ts'
import { type RelayLog, relayEntry } from './relay-log.ts'
import { SleepingReader, type SleepTimes } from './sleeping-reader.ts'

/** What a relay's reader needs. */
export type RelayReaderOptions = {
  readonly session: NatsSession
  readonly log: Log
  readonly records: RelayLog
  /** When the local stream was made. */
  readonly created: string | undefined
  /** The local sequence to begin behind. */
  readonly after: number
  /** There is something to take, or `error` is set. */
  onChange(): void
} & SleepTimes

/**
 * Reads a foreign origin's entries from the local stream, ahead of who takes them by one frame and one window. It may
 * sleep while there are none; what is stored wakes it.
 */
export class RelayReader {
  readonly #reader: SleepingReader
  readonly #onChange: () => void
  #entries: RelayEntry<RawRecord>[] = []
  #bytes = 0
  #taken: number
  /** Why nothing more will come. */
  error: MeshError | undefined

  constructor({ session, log, records, created, after, onChange, idleMs, dozeMs }: RelayReaderOptions) {
    this.#taken = after
    this.#onChange = onChange
    this.#reader = new SleepingReader({
      session,
      stream: records.topic.stream,
      created,
      filter: records.filter,
      from: after + 1,
      windowBytes: WINDOW_BYTES,
      onMessage: (message) => this.#push(message),
      onCaughtUp: onChange,
      onEnd: (error) => this.#end(error),
      log,
      idleMs,
      dozeMs,
    })
  }

  /** The local sequence of the last entry that was taken. */
  get taken(): number {
    return this.#taken
  }

  /** How many entries are still to be taken, as far as known; 0 once all were, and so while it sleeps. */
  get pending(): number {
    return this.#entries.length + (this.#reader.pending ?? 1)
  }

  get asleep(): boolean {
    return this.#reader.asleep
  }

  /** Up to one frame of entries; none when there is nothing now. */
  take(): readonly RelayEntry<RawRecord>[] {
    const entries = this.#entries
    this.#entries = []
    this.#bytes = 0
    this.#taken = entries.at(-1)?.localSequence ?? this.#taken
    if (this.#reader.paused) this.#reader.resume()
    return entries
  }

  /**
   * Called from time to time while nobody is in need of more: lets the reader sleep when all was taken, and wakes it if it
   * overslept.
   *
   * @param last the local sequence of the last entry that is stored
   */
  rest(last: number): void {
    if (last > this.#reader.position) this.#reader.wake()
    else if (this.pending === 0) this.#reader.rest()
  }

  close(): void {
    this.#reader.close()
  }

  #push(message: StoredMessage): void {
    this.#entries.push(relayEntry(message))
    this.#bytes += message.payload.length
    if (this.#bytes >= FRAME_BYTES || this.#entries.length >= FRAME_RECORDS) this.#reader.pause()
    if (this.#entries.length === 1) this.#onChange()
  }

  #end(error: MeshError | undefined): void {
    this.error = error ?? new MeshError('unavailable', 'the reader ended')
    this.#onChange()
  }
}
