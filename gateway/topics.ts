import { type ConfigSnapshot, MeshError, streamName, type TopicDocument } from '@landbridge/core'
import { BatchWriter, type ConfigBucket, type NatsSession } from '@landbridge/nats'
import type { Limits } from './config.ts'
import type { Log, Metrics } from './telemetry/index.ts'

/** A topic as this gateway serves it. Made anew when the topic's document changes; the writer is carried over. */
export type TopicEntry = {
  /** "<tenant>/<topic>". */
  readonly key: string
  readonly document: TopicDocument
  /** Name of its JetStream stream in this region. */
  readonly stream: string
  /** The writer of its stream, made at first use. Reading it throws `unavailable` when the topic is gone. */
  readonly writer: BatchWriter
}

/** What a topic registry needs. */
export type TopicRegistryOptions = {
  readonly session: NatsSession
  readonly bucket: ConfigBucket
  readonly limits: Pick<Limits, 'publishBytesMax' | 'publishEventsMax' | 'publishTimeoutMs'>
  readonly log: Log
  readonly metrics: Metrics
}

/** Told after every change of configuration. */
export type SnapshotListener = (next: ConfigSnapshot, previous: ConfigSnapshot) => void

/**
 * The region's configuration as this gateway knows it, and one batch writer a topic. Guarantees:
 * 1. `snapshot` is immutable; a change swaps the reference. A call reads it once.
 * 2. A topic has at most one open writer, made at its first use; it is closed when the topic goes.
 * 3. Listeners run after the swap, in the order of registration; one that throws does not stop the others.
 */
export class TopicRegistry implements AsyncDisposable {
  readonly #options: TopicRegistryOptions
  readonly #listeners = new Set<SnapshotListener>()
  readonly #closing = new Set<Promise<void>>()
  #snapshot: ConfigSnapshot
  #entries: ReadonlyMap<string, LazyEntry>
  #stopWatching: (() => Promise<void>) | undefined
  #closed: Promise<void> | undefined

  private constructor(options: TopicRegistryOptions, first: ConfigSnapshot) {
    this.#options = options
    this.#snapshot = first
    this.#entries = this.#entriesOf(first, new Map())
    options.metrics.topics.set(first.topics.size)
  }

  /** Watches the configuration; resolves once the whole of it is known. */
  static async open(options: TopicRegistryOptions): Promise<TopicRegistry> {
    const { promise, resolve } = Promise.withResolvers<TopicRegistry>()
    let registry: TopicRegistry | undefined
    const stop = await options.bucket.watch((snapshot) => {
      if (registry === undefined) {
        registry = new TopicRegistry(options, snapshot)
        resolve(registry)
      } else {
        registry.#swap(snapshot)
      }
    })
    const opened = await promise
    opened.#stopWatching = stop
    return opened
  }

  /** The configuration now. */
  get snapshot(): ConfigSnapshot {
    return this.#snapshot
  }

  /** The topic with that key ("<tenant>/<topic>"); undefined when the region does not know it. */
  get(topicKey: string): TopicEntry | undefined {
    return this.#entries.get(topicKey)
  }

  /** Every topic. */
  entries(): IterableIterator<TopicEntry> {
    return this.#entries.values()
  }

  /** Calls the listener after every change of configuration; returns a function that ends it. */
  onChange(listener: SnapshotListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves with true once a revision of the configuration is served, or with false after `timeoutMs`. */
  async reaches(revision: number, timeoutMs: number): Promise<boolean> {
    if (this.#snapshot.revision >= revision) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), timeoutMs)
    const stop = this.onChange((next) => {
      if (next.revision >= revision) resolve(true)
    })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      stop()
    }
  }

  /** Ends watching and closes every writer: what was accepted is still stored or fails. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#listeners.clear()
    await this.#stopWatching?.()
    for (const entry of this.#entries.values()) this.#closeWriter(entry)
    this.#entries = new Map()
    await Promise.all(this.#closing)
  }

  #swap(next: ConfigSnapshot): void {
    if (this.#closed !== undefined) return
    const previous = this.#snapshot
    const before = this.#entries
    this.#snapshot = next
    this.#entries = this.#entriesOf(next, before)
    this.#options.metrics.topics.set(next.topics.size)
    for (const [key, entry] of before) {
      if (this.#entries.get(key)?.slot !== entry.slot) this.#closeWriter(entry)
    }
    this.#options.log.info({ revision: next.revision, topics: next.topics.size }, 'configuration changed')
    for (const listener of [...this.#listeners]) {
      try {
        listener(next, previous)
      } catch (err) {
        this.#options.log.error({ err }, 'configuration listener failed')
      }
    }
  }

  #entriesOf(snapshot: ConfigSnapshot, before: ReadonlyMap<string, LazyEntry>): ReadonlyMap<string, LazyEntry> {
    const { session, limits, log } = this.#options
    const entries = new Map<string, LazyEntry>()
    for (const [key, document] of snapshot.topics) {
      const stream = streamName(document.name)
      const slot = before.get(key)?.slot ?? new WriterSlot()
      const open = () =>
        new BatchWriter({
          session,
          stream,
          messagesInFlightMax: limits.publishEventsMax,
          bytesInFlightMax: limits.publishBytesMax,
          timeoutMs: limits.publishTimeoutMs,
          log,
        })
      entries.set(key, new LazyEntry({ key, document, stream, slot, open }))
    }
    return entries
  }

  #closeWriter(entry: LazyEntry): void {
    const closing = entry.slot.close().catch((err: unknown) => {
      this.#options.log.warn({ err, topic: entry.key }, 'closing a writer failed')
    })
    this.#closing.add(closing)
    void closing.finally(() => this.#closing.delete(closing))
  }
}

/** Holds the one writer of a stream while entries for it come and go. */
class WriterSlot {
  #writer: BatchWriter | undefined
  #closed = false

  get(open: () => BatchWriter): BatchWriter {
    // A call may still hold the entry of a topic that has just changed: a writer made now would never be closed.
    if (this.#closed) {
      throw new MeshError('unavailable', 'store: the topic has just changed, try again', { retryAfterMs: 100 })
    }
    this.#writer ??= open()
    return this.#writer
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writer?.close()
  }
}

class LazyEntry implements TopicEntry {
  readonly key: string
  readonly document: TopicDocument
  readonly stream: string
  readonly slot: WriterSlot
  readonly #open: () => BatchWriter

  constructor(parts: Omit<TopicEntry, 'writer'> & { readonly slot: WriterSlot; readonly open: () => BatchWriter }) {
    this.key = parts.key
    this.document = parts.document
    this.stream = parts.stream
    this.slot = parts.slot
    this.#open = parts.open
  }

  get writer(): BatchWriter {
    return this.slot.get(this.#open)
  }
}
