import type { ConfigBucket, NatsSession, ObservedStream, Streams } from '@landbridge/nats'
import type { Log } from '@landbridge/service'

/** What a `RegionState` needs. */
export type RegionStateOptions = {
  readonly session: NatsSession
  readonly config: ConfigBucket
  readonly streams: Streams
  readonly log: Log
  /** A stream was created, changed or deleted. */
  readonly onStream: (name: string) => void
  /** An entry of the configuration was put or deleted. */
  readonly onEntry: (key: string) => void
  /** All streams are looked at after this, in ms. Default 30 s: notices of the server may be missed. */
  readonly pollMs?: number
}

const POLL_MS = 30_000
const RETRY_MS = 1_000

/**
 * What the region holds, kept current: streams by the server's notices with a look at all of them behind, the
 * configuration by following its bucket. Ten thousand topics are compared with it without asking the server once.
 */
export class RegionState implements AsyncDisposable {
  readonly #options: RegionStateOptions
  readonly #looking = new Set<string>()
  readonly #lookAgain = new Set<string>()
  readonly #ready = Promise.withResolvers<void>()
  #streams = new Map<string, ObservedStream>()
  #entries: ReadonlyMap<string, string> = new Map()
  #revision = 0
  #stops: (() => void | Promise<void>)[] = []
  #timer: NodeJS.Timeout | undefined
  #polled = false
  #unknownSince = performance.now()
  #polling = false
  #entriesKnown = false
  #closed = false

  private constructor(options: RegionStateOptions) {
    this.#options = options
    this.#ready.promise.catch(() => undefined)
  }

  /** Begins to follow. Resolves at once; `ready` tells when everything is known. */
  static open(options: RegionStateOptions): RegionState {
    const state = new RegionState(options)
    void state.#start()
    return state
  }

  /** Resolves when streams and configuration are known; rejects when closed before. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Whether what is told here is current: the connection stands and all was seen since it does. */
  get current(): boolean {
    return this.#polled && this.#options.session.connected
  }

  /** How long it has not been current; 0 while it is. */
  get unknownForMs(): number {
    return this.current ? 0 : performance.now() - this.#unknownSince
  }

  /** The stream as last seen; undefined when there is none. */
  stream(name: string): ObservedStream | undefined {
    return this.#streams.get(name)
  }

  /** The stored document under a key of the configuration. */
  entry(key: string): string | undefined {
    return this.#entries.get(key)
  }

  /** Revision of the configuration. */
  get revision(): number {
    return this.#revision
  }

  /** Takes over what a write of our own returned, so that it need not be looked up; undefined: it was deleted. */
  learn(name: string, stream: ObservedStream | undefined): void {
    if (stream === undefined) this.#streams.delete(name)
    else this.#streams.set(name, stream)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#ready.reject(new Error('region: closed before its state was known'))
    await Promise.all(this.#stops.splice(0).map((stop) => stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(): Promise<void> {
    const { session, streams, config, log } = this.#options
    this.#stops.push(
      streams.watch((name) => void this.#look(name)),
      session.onChange(({ connected }) => {
        if (this.#polled) this.#unknownSince = performance.now()
        this.#polled = false
        if (connected) this.#schedule(0)
      }),
    )
    this.#schedule(0)
    while (!this.#closed) {
      try {
        const stop = await config.watch((snapshot, entries) => this.#takeEntries(snapshot.revision, entries))
        if (this.#closed) await stop()
        else this.#stops.push(stop)
        return
      } catch (err) {
        log.warn({ err }, 'the configuration cannot be followed, it is tried again')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  #takeEntries(revision: number, entries: ReadonlyMap<string, string>): void {
    const before = this.#entries
    this.#entries = new Map(entries)
    this.#revision = revision
    this.#entriesKnown = true
    for (const [key, value] of entries) if (before.get(key) !== value) this.#options.onEntry(key)
    for (const key of before.keys()) if (!entries.has(key)) this.#options.onEntry(key)
    this.#checkReady()
  }

  #schedule(waitMs: number): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#poll(), waitMs)
  }

  async #poll(): Promise<void> {
    if (this.#polling) return
    this.#polling = true
    const { session, streams, log, pollMs = POLL_MS } = this.#options
    const { epoch } = session
    try {
      const seen = await streams.list()
      if (this.#closed) return
      if (session.epoch === epoch) this.#takeStreams(seen)
      this.#polled = session.epoch === epoch
      this.#checkReady()
      this.#schedule(this.#polled ? pollMs : 0)
    } catch (err) {
      if (!this.#closed) log.warn({ err }, 'the streams cannot be listed, it is tried again')
      this.#schedule(RETRY_MS)
    } finally {
      this.#polling = false
    }
  }

  #takeStreams(seen: ReadonlyMap<string, ObservedStream>): void {
    const before = this.#streams
    this.#streams = new Map(seen)
    for (const [name, stream] of seen) if (differs(before.get(name), stream)) this.#options.onStream(name)
    for (const name of before.keys()) if (!seen.has(name)) this.#options.onStream(name)
  }

  /** Looks at one stream; a notice that comes meanwhile makes it look once more. */
  async #look(name: string): Promise<void> {
    if (!name.startsWith('lb_') || this.#closed) return
    if (this.#looking.has(name)) {
      this.#lookAgain.add(name)
      return
    }
    this.#looking.add(name)
    try {
      const stream = await this.#options.streams.get(name)
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

  #checkReady(): void {
    if (this.#polled && this.#entriesKnown) this.#ready.resolve()
  }
}

function differs(before: ObservedStream | undefined, now: ObservedStream): boolean {
  return (
    before === undefined || before.created !== now.created || JSON.stringify(before.shape) !== JSON.stringify(now.shape)
  )
}
