import {
  type ConfigSnapshot,
  configKey,
  type MeshDocument,
  MeshError,
  SnapshotBuilder,
  toStored,
} from '@landbridge/core'
import { type Log, silentLog } from '../log.ts'
import { readRange } from '../read/read-range.ts'
import type { NatsSession } from '../session.ts'
import { type EntryListener, EntryWatch, type EntryWatchOptions } from './entry-watch.ts'
import { KeyValue, type KeyValueEntry, OPERATION_HEADER } from './key-value.ts'

const BUCKET = 'lb-config'

/** Options of `ConfigBucket.open`. */
export type ConfigBucketOptions = {
  readonly session: NatsSession
  /** Copies of the bucket when it has to be made: 1, 3 or 5. */
  readonly replicas: number
  readonly log?: Log
}

/** How to write. */
export type ConfigWriteOptions = {
  /** What declares the document: kept beside it for whoever else declares the same. */
  readonly heldBy?: string
  /** Called after what is there was read, right before the write; what it throws keeps the write from being made. */
  readonly beforeWrite?: () => void
  /**
   * The revision of what is to be replaced (0: none), when the caller follows the bucket and saw another document there:
   * then the server is asked only when that is not right any more.
   */
  readonly seen?: number
}

/** Hears of the configuration. */
export type ConfigListener = (snapshot: ConfigSnapshot) => void

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
  async put(
    document: MeshDocument,
    { heldBy, beforeWrite, seen }: ConfigWriteOptions = {},
  ): Promise<{ readonly revision: number; readonly changed: boolean }> {
    const key = configKey(document)
    const value = toStored(document, heldBy)
    if (seen !== undefined) {
      beforeWrite?.()
      try {
        return { revision: await this.#keyValue.replace(key, value, seen), changed: true }
      } catch (error) {
        if (MeshError.from(error).code !== 'aborted') throw error
      }
    }
    const existing = await this.#keyValue.head(key)
    if (existing.value === value) return { revision: existing.revision, changed: false }
    beforeWrite?.()
    try {
      return { revision: await this.#keyValue.replace(key, value, existing.revision), changed: true }
    } catch (error) {
      // It may be an attempt of our own before this one that nobody heard the answer of, or somebody with the same wish.
      const now = await this.#keyValue.get(key)
      if (now?.value !== value) throw error
      return { revision: now.revision, changed: true }
    }
  }

  /** Deletes what is under a key; returns whether there was something. */
  delete(key: string, { beforeWrite }: Pick<ConfigWriteOptions, 'beforeWrite'> = {}): Promise<boolean> {
    return this.#keyValue.delete(key, beforeWrite)
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
        const key = this.#keyValue.key(message.subject)
        if (message.header(OPERATION_HEADER) === undefined) entries.set(key, Buffer.from(message.payload).toString())
        else entries.delete(key)
        return true
      },
    })
    return entries
  }

  /**
   * Calls `listener` with the whole configuration, then again at every change, until the returned function is called.
   * An entry that cannot be read keeps its last good value, and is reported to the log. Resolves after the first call.
   */
  async watch(listener: ConfigListener): Promise<() => Promise<void>> {
    const { log = silentLog } = this.#options
    const watch = new ConfigWatch({ ...this.#options, keyValue: this.#keyValue }, log, listener)
    this.#watches.add(watch)
    await watch.first
    return async () => {
      this.#watches.delete(watch)
      await watch.close()
    }
  }

  /** Tells of every stored document as it is, one at a time: for those with thousands, who need no snapshot. */
  follow(listener: EntryListener): EntryWatch {
    return new EntryWatch({ ...this.#options, keyValue: this.#keyValue, listener })
  }

  /** Ends every watch; what follows is ended by itself. */
  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.close()))
    this.#watches.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Makes a snapshot of what is there after every change. */
class ConfigWatch {
  readonly first: Promise<void>
  readonly #log: Log
  readonly #listener: ConfigListener
  readonly #builder = new SnapshotBuilder()
  readonly #lastGood = new Map<string, string>()
  readonly #watch: EntryWatch
  #entries = new Map<string, string>()
  #revision = 0
  #dirty = true
  #closed = false
  #resolveFirst: () => void = () => undefined

  constructor(options: Omit<EntryWatchOptions, 'listener'>, log: Log, listener: ConfigListener) {
    this.#log = log
    this.#listener = listener
    this.first = new Promise((resolve) => {
      this.#resolveFirst = resolve
    })
    this.#watch = new EntryWatch({
      ...options,
      log,
      listener: {
        onEntry: (key, value, { sequence }) => {
          if (value === undefined) this.#entries.delete(key)
          else this.#entries.set(key, value)
          this.#revision = sequence
          this.#dirty = true
        },
        onCaughtUp: () => this.#report(),
        onRestart: () => {
          this.#entries = new Map()
          this.#revision = 0
          this.#dirty = true
        },
      },
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#watch.close()
    this.#resolveFirst()
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
      this.#listener(snapshot)
    } catch (error) {
      this.#log.error({ error: String(error) }, 'a listener of the configuration failed')
    }
    this.#resolveFirst()
  }
}
