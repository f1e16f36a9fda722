import type { MeshError } from '@landbridge/core'
import { type Log, silentLog } from '../log.ts'
import type { StoredMessage } from '../read/message.ts'
import { StreamReader } from '../read/stream-reader.ts'
import type { NatsSession } from '../session.ts'
import { type KeyValue, OPERATION_HEADER } from './key-value.ts'

/** Hears of the entries of a bucket, in the order of their revisions. */
export type EntryListener = {
  /** An entry was put, or deleted (undefined). `message` has its revision (`sequence`) and when it was stored. */
  onEntry(key: string, value: string | undefined, message: StoredMessage): void
  /** Everything that is there has been told for now. */
  onCaughtUp(): void
  /** The bucket was lost: what was told does not count any more, and what is there now is told from the beginning. */
  onRestart(): void
}

/** What following a bucket needs. */
export type EntryWatchOptions = {
  readonly session: NatsSession
  readonly keyValue: KeyValue
  /** Copies of the bucket when it has to be made again: 1, 3 or 5. */
  readonly replicas: number
  readonly listener: EntryListener
  readonly log?: Log
}

const REOPEN_DELAY_MS = 500

/** Follows a bucket for as long as it is wanted, also when the bucket is deleted and made anew. */
export class EntryWatch implements AsyncDisposable {
  readonly #options: EntryWatchOptions
  readonly #log: Log
  #closed = false
  #reader: StreamReader
  #timer: NodeJS.Timeout | undefined

  constructor(options: EntryWatchOptions) {
    this.#options = options
    this.#log = options.log ?? silentLog
    this.#reader = this.#open()
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#reader.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #open(): StreamReader {
    const { session, keyValue, listener } = this.#options
    return new StreamReader({
      session,
      stream: keyValue.stream,
      filters: [keyValue.subject('>')],
      start: 'all',
      log: this.#log,
      onMessage: (message) => {
        const isGone = message.header(OPERATION_HEADER) !== undefined
        const value = isGone ? undefined : Buffer.from(message.payload).toString()
        listener.onEntry(keyValue.key(message.subject), value, message)
      },
      onCaughtUp: () => {
        if (!this.#closed) listener.onCaughtUp()
      },
      onEnd: (error) => this.#reopen(error),
    })
  }

  #reopen(error: MeshError | undefined): void {
    if (this.#closed) return
    const { keyValue, replicas, listener } = this.#options
    this.#log.warn(
      { bucket: keyValue.stream, error: error?.message },
      'a bucket cannot be followed, it is opened again',
    )
    this.#timer = setTimeout(() => {
      listener.onRestart()
      keyValue
        .ensure(replicas)
        .catch((cause: unknown) => this.#log.warn({ error: String(cause) }, 'a bucket cannot be made'))
        .finally(() => {
          if (!this.#closed) this.#reader = this.#open()
        })
    }, REOPEN_DELAY_MS)
  }
}
