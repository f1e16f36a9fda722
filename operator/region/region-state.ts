import type { StreamShape } from '@landbridge/core'
import type { EntryWatch, ObservedStream } from '@landbridge/nats'
import type { Log } from '@landbridge/service'
import type { RegionAccess } from './region-access.ts'
import { RegionEntries, type RegionEntry } from './region-entries.ts'

/** What a `RegionState` needs. */
export type RegionStateOptions = {
  readonly access: RegionAccess
  readonly log: Log
  /** A stream was created, changed or deleted. */
  readonly onStream: (name: string) => void
  /** The consumer of a group of subscribers was deleted. */
  readonly onGroupDeleted: (stream: string, group: string) => void
  /** An entry of the configuration was put or deleted. */
  readonly onEntry: (key: string) => void
  /** What is told here has become current. */
  readonly onCurrent: () => void
  /** All streams are looked at after this, in ms. Default 30 s: notices of the server may be missed. */
  readonly pollMs?: number | undefined
}

/** What is kept of a stream. */
export type SeenStream = Pick<ObservedStream, 'shape' | 'created'>

const POLL_MS = 30_000
const RETRY_MS = 1_000
const STREAM_PREFIX = 'lb_'

/**
 * What the region holds, kept current: streams by the server's notices with a look at all of them behind, the
 * configuration by following its bucket. Ten thousand topics are compared with it without asking the server once.
 */
export class RegionState implements AsyncDisposable {
  readonly #options: RegionStateOptions
  readonly #looking = new Set<string>()
  readonly #lookAgain = new Set<string>()
  /** Streams that are made by us, and of which the server has not told yet. */
  readonly #creating = new Set<string>()
  readonly #entries = new RegionEntries()
  readonly #stops: (() => void)[]
  readonly #watch: EntryWatch
  /** Streams that were learned of while all are listed: the list may be older. */
  readonly #touched = new Set<string>()
  #streams = new Map<string, SeenStream>()
  #timer: NodeJS.Timeout | undefined
  #polled = false
  #unknownSince = performance.now()
  #polling = false
  #entriesKnown = false
  #closed = false

  /** Begins to follow; `onCurrent` tells when everything is known. */
  constructor(options: RegionStateOptions) {
    const { session, streams, config } = options.access
    this.#options = options
    this.#stops = [
      streams.watch((name, action) => {
        const isOurs = action === 'CREATED' && this.#creating.delete(name)
        if (!isOurs) void this.#look(name)
      }),
      streams.watchDeletedGroups(options.onGroupDeleted),
      session.onChange(({ connected }) => {
        if (this.current) this.#unknownSince = performance.now()
        this.#polled = false
        // Their notices may be lost.
        this.#creating.clear()
        if (connected) this.#schedule(0)
      }),
    ]
    this.#watch = config.follow({
      onEntry: (key, value, { sequence }) => {
        if (this.#entries.take(key, value, sequence)) options.onEntry(key)
      },
      onCaughtUp: () => this.#caughtUp(),
      onRestart: () => this.#entries.restart(),
    })
    this.#schedule(0)
  }

  /** Whether what is told here is current: the connection stands and all was seen since it does. */
  get current(): boolean {
    return this.#polled && this.#entriesKnown && this.#options.access.session.connected
  }

  /** How long it has not been current; 0 while it is. */
  get unknownForMs(): number {
    return this.current ? 0 : performance.now() - this.#unknownSince
  }

  /** The stream as last seen; undefined when there is none. */
  stream(name: string): SeenStream | undefined {
    return this.#streams.get(name)
  }

  /** The stored document under a key of the configuration. */
  entry(key: string): RegionEntry | undefined {
    return this.#entries.get(key)
  }

  /** Every stored document whose key begins so. */
  entriesUnder(prefix: string): Iterable<RegionEntry> {
    return this.#entries.under(prefix)
  }

  /** Makes a stream. The answer is as good as a look at what the server's notice tells of. @throws MeshError */
  async create(shape: StreamShape): Promise<void> {
    this.#creating.add(shape.name)
    try {
      this.learn(shape.name, await this.#options.access.streams.create(shape))
    } catch (error) {
      this.#creating.delete(shape.name)
      throw error
    }
  }

  /** Takes over what a write of our own returned, so that it need not be looked up; undefined: it was deleted. */
  learn(name: string, stream: SeenStream | undefined): void {
    if (this.#polling) this.#touched.add(name)
    if (stream === undefined) this.#streams.delete(name)
    else this.#streams.set(name, { shape: stream.shape, created: stream.created })
  }

  /** The same of an entry of the configuration. */
  learnEntry(key: string, entry: RegionEntry | undefined): void {
    this.#entries.learn(key, entry)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const stop of this.#stops.splice(0)) stop()
    await this.#watch.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #caughtUp(): void {
    for (const key of this.#entries.caughtUp()) this.#options.onEntry(key)
    if (this.#entriesKnown) return
    this.#entriesKnown = true
    if (this.current) this.#options.onCurrent()
  }

  #schedule(waitMs: number): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#poll(), waitMs)
  }

  async #poll(): Promise<void> {
    if (this.#polling) return
    this.#polling = true
    this.#touched.clear()
    const { access, log, pollMs = POLL_MS } = this.#options
    const { epoch } = access.session
    try {
      const seen = await access.streams.list()
      if (this.#closed) return
      const isCurrent = access.session.epoch === epoch
      if (isCurrent) this.#takeStreams(seen)
      const isNew = isCurrent && !this.#polled
      this.#polled = isCurrent
      if (isNew && this.current) this.#options.onCurrent()
      this.#schedule(isCurrent ? pollMs : 0)
    } catch (err) {
      if (!this.#closed) log.warn({ err }, 'the streams cannot be listed, it is tried again')
      this.#schedule(RETRY_MS)
    } finally {
      this.#polling = false
    }
  }

  #takeStreams(seen: ReadonlyMap<string, ObservedStream>): void {
    const before = this.#streams
    this.#streams = new Map()
    const changed: string[] = []
    for (const [name, { shape, created }] of seen) {
      if (this.#touched.has(name)) continue
      const known = before.get(name)
      const now = { shape, created }
      const isNew = differs(known, now)
      this.#streams.set(name, isNew || known === undefined ? now : known)
      if (isNew) changed.push(name)
    }
    for (const [name, stream] of before) {
      if (this.#touched.has(name)) this.#streams.set(name, stream)
      else if (!seen.has(name)) changed.push(name)
    }
    for (const name of changed) this.#options.onStream(name)
  }

  /** Looks at one stream; a notice that comes meanwhile makes it look once more. */
  async #look(name: string): Promise<void> {
    if (!name.startsWith(STREAM_PREFIX) || this.#closed) return
    if (this.#looking.has(name)) {
      this.#lookAgain.add(name)
      return
    }
    this.#looking.add(name)
    try {
      const stream = await this.#options.access.streams.get(name)
      const before = this.#streams.get(name)
      this.learn(name, stream)
      if (stream === undefined ? before !== undefined : differs(before, stream)) this.#options.onStream(name)
    } catch (err) {
      this.#options.log.debug({ err, stream: name }, 'a stream cannot be looked at, the next look at all follows')
    } finally {
      this.#looking.delete(name)
      if (this.#lookAgain.delete(name)) void this.#look(name)
    }
  }
}

function differs(before: SeenStream | undefined, now: SeenStream): boolean {
  return (
    before === undefined || before.created !== now.created || JSON.stringify(before.shape) !== JSON.stringify(now.shape)
  )
}
