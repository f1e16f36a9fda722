import {
  type ConfigSnapshot,
  configKey,
  type MeshDocument,
  type MeshError,
  SnapshotBuilder,
  toStored,
} from '@landbridge/core'
import { type Log, silentLog } from '../log.ts'
import type { StoredMessage } from '../read/message.ts'
import { readRange } from '../read/read-range.ts'
import { StreamReader } from '../read/stream-reader.ts'
import type { NatsSession } from '../session.ts'
import { KeyValue, type KeyValueEntry, OPERATION_HEADER } from './key-value.ts'

const BUCKET = 'lb-config'
const REOPEN_DELAY_MS = 500

/** Options of `ConfigBucket.open`. */
export type ConfigBucketOptions = {
  readonly session: NatsSession
  /** Copies of the bucket when it has to be made: 1, 3 or 5. */
  readonly replicas: number
  readonly log?: Log
}

/** Hears of the configuration. */
export type ConfigListener = (snapshot: ConfigSnapshot, entries: ReadonlyMap<string, string>) => void

/** The documents that were applied to a region. */
export class ConfigBucket implements AsyncDisposable {
  readonly #options: ConfigBucketOptions
  readonly #keyValue: KeyValue
  readonly #watches = new Set<ConfigWatch>()

  private constructor(options: ConfigBucketOptions, keyValue: KeyValue) {
    this.#options = options
    this.#keyValue = keyValue
  }

  /** Opens `lb-config`, making it when missing. */
  static async open(options: ConfigBucketOptions): Promise<ConfigBucket> {
    return new ConfigBucket(options, await KeyValue.open(options.session, BUCKET, options.replicas))
  }

  /** The stream that it is. */
  get stream(): string {
    return this.#keyValue.stream
  }

  /** What is stored under a document's key now; undefined for nothing. */
  get(key: string): Promise<KeyValueEntry | undefined> {
    return this.#keyValue.get(key)
  }

  /** Stores a document unless it is there as it is. Rejects with 'aborted' when somebody changes it to another one at the same time. */
  async put(document: MeshDocument): Promise<{ readonly revision: number; readonly changed: boolean }> {
    const key = configKey(document)
    const value = toStored(document)
    const existing = await this.#keyValue.get(key)
    if (existing?.value === value) return { revision: existing.revision, changed: false }
    const before = existing?.revision ?? (await this.#keyValue.revision(key))
    try {
      return { revision: await this.#keyValue.replace(key, value, before), changed: true }
    } catch (error) {
      // It may be an attempt of our own before this one that nobody heard the answer of, or somebody with the same wish.
      const now = await this.#keyValue.get(key)
      if (now?.value !== value) throw error
      return { revision: now.revision, changed: true }
    }
  }

  /** Deletes what is under a key; returns whether there was something. */
  delete(key: string): Promise<boolean> {
    return this.#keyValue.delete(key)
  }

  /** Every entry: key to stored document. */
  async all(): Promise<ReadonlyMap<string, string>> {
    const entries = new Map<string, string>()
    await readRange({
      session: this.#options.session,
      stream: this.#keyValue.stream,
      filters: [this.#keyValue.subject('>')],
      start: 'all',
      headersOnly: false,
      onMessage: (message) => {
        applyChange(entries, this.#keyValue.key(message.subject), message)
        return true
      },
    })
    return entries
  }

  /**
   * Calls `listener` with the whole configuration, then again at every change, until the returned function is called;
   * `entries` is what is stored, key to document, and changes after the call.
   * An entry that cannot be read keeps its last good value, and is reported to the log. Resolves after the first call.
   */
  async watch(listener: ConfigListener): Promise<() => Promise<void>> {
    const { session, replicas, log = silentLog } = this.#options
    const watch = new ConfigWatch(session, this.#keyValue, replicas, log, listener)
    this.#watches.add(watch)
    await watch.first
    return async () => {
      this.#watches.delete(watch)
      await watch.close()
    }
  }

  /** Ends every watch. */
  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.close()))
    this.#watches.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Follows the bucket for as long as it is wanted, also when the bucket is deleted and made anew. */
class ConfigWatch {
  readonly first: Promise<void>
  readonly #session: NatsSession
  readonly #keyValue: KeyValue
  readonly #replicas: number
  readonly #log: Log
  readonly #listener: ConfigListener
  readonly #builder = new SnapshotBuilder()
  readonly #lastGood = new Map<string, string>()
  #entries = new Map<string, string>()
  #revision = 0
  #dirty = true
  #closed = false
  #reader: StreamReader
  #timer: NodeJS.Timeout | undefined
  #resolveFirst: () => void = () => undefined

  constructor(session: NatsSession, keyValue: KeyValue, replicas: number, log: Log, listener: ConfigListener) {
    this.#session = session
    this.#keyValue = keyValue
    this.#replicas = replicas
    this.#log = log
    this.#listener = listener
    this.first = new Promise((resolve) => {
      this.#resolveFirst = resolve
    })
    this.#reader = this.#open()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#reader.close()
    this.#resolveFirst()
  }

  #open(): StreamReader {
    return new StreamReader({
      session: this.#session,
      stream: this.#keyValue.stream,
      filters: [this.#keyValue.subject('>')],
      start: 'all',
      log: this.#log,
      onMessage: (message) => {
        applyChange(this.#entries, this.#keyValue.key(message.subject), message)
        this.#revision = message.sequence
        this.#dirty = true
      },
      onCaughtUp: () => this.#report(),
      onEnd: (error) => this.#reopen(error),
    })
  }

  #reopen(error: MeshError | undefined): void {
    if (this.#closed) return
    this.#log.warn({ error: error?.message }, 'the configuration cannot be followed, it is opened again')
    this.#timer = setTimeout(() => {
      this.#entries = new Map()
      this.#dirty = true
      this.#keyValue
        .ensure(this.#replicas)
        .catch((cause: unknown) => this.#log.warn({ error: String(cause) }, 'the configuration cannot be made'))
        .finally(() => {
          if (!this.#closed) this.#reader = this.#open()
        })
    }, REOPEN_DELAY_MS)
  }

  #report(): void {
    if (!this.#dirty || this.#closed) return
    this.#dirty = false
    const built = this.#builder.build(this.#revision, this.#entries)
    for (const problem of built.problems) this.#log.error({ problem }, 'configuration entry is broken')
    const broken = new Set(built.brokenKeys)
    for (const key of [...this.#lastGood.keys()]) if (!this.#entries.has(key)) this.#lastGood.delete(key)
    for (const [key, value] of this.#entries) if (!broken.has(key)) this.#lastGood.set(key, value)
    const snapshot = broken.size === 0 ? built.snapshot : this.#builder.build(this.#revision, this.#lastGood).snapshot
    try {
      this.#listener(snapshot, this.#entries)
    } catch (error) {
      this.#log.error({ error: String(error) }, 'a listener of the configuration failed')
    }
    this.#resolveFirst()
  }
}

function applyChange(entries: Map<string, string>, key: string, message: StoredMessage): void {
  if (message.header(OPERATION_HEADER) !== undefined) entries.delete(key)
  else entries.set(key, Buffer.from(message.payload).toString())
}
