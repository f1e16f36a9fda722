import { MeshError, type RawRecord, type RelayEntry } from '@landbridge/core'
import { type NatsSession, type StoredMessage, StreamReader } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import { FRAME_BYTES, FRAME_RECORDS, WINDOW_BYTES } from './pull-request.ts'
import { type RelayLog, relayEntry } from './relay-log.ts'

/** What a relay's reader needs. */
export type RelayReaderOptions = {
  readonly session: NatsSession
  readonly log: Log
  readonly records: RelayLog
  /** The local sequence to begin behind. */
  readonly after: number
  /** There is something to take, or `error` is set. */
  onChange(): void
}

/** Reads a foreign origin's entries from the local stream, ahead of who takes them by one frame and one window. */
export class RelayReader {
  readonly #reader: StreamReader
  readonly #onChange: () => void
  #entries: RelayEntry<RawRecord>[] = []
  #bytes = 0
  #pending: number | undefined
  #taken: number
  /** Why nothing more will come. */
  error: MeshError | undefined

  constructor({ session, log, records, after, onChange }: RelayReaderOptions) {
    this.#taken = after
    this.#onChange = onChange
    this.#reader = new StreamReader({
      session,
      stream: records.topic.stream,
      filters: [records.filter],
      start: { sequence: after + 1 },
      windowBytes: WINDOW_BYTES,
      onMessage: (message) => this.#push(message),
      onCaughtUp: () => this.#caughtUp(),
      onEnd: (error) => this.#end(error),
      log,
    })
  }

  /** The local sequence of the last entry that was taken. */
  get taken(): number {
    return this.#taken
  }

  /** How many entries are still to be taken, as far as known; 0 once all were. */
  get pending(): number {
    return this.#entries.length + (this.#pending ?? 1)
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

  close(): Promise<void> {
    return this.#reader.close()
  }

  #push(message: StoredMessage): void {
    this.#entries.push(relayEntry(message))
    this.#bytes += message.payload.length
    this.#pending = message.pending
    if (this.#bytes >= FRAME_BYTES || this.#entries.length >= FRAME_RECORDS) this.#reader.pause()
    if (this.#entries.length === 1) this.#onChange()
  }

  #caughtUp(): void {
    this.#pending = 0
    this.#onChange()
  }

  #end(error: MeshError | undefined): void {
    this.error = error ?? new MeshError('unavailable', 'the reader ended')
    this.#onChange()
  }
}
