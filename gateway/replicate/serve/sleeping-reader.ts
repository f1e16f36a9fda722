import type { MeshError } from '@landbridge/core'
import { Knock, type NatsSession, type StoredMessage, StreamReader } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'

/** What a reader needs that sleeps. */
export type SleepingReaderOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** When the stream was made: one that is made anew while the reader sleeps is another one, and ends it. */
  readonly created: string | undefined
  /** Subjects with wildcards: what is read, and what wakes. */
  readonly filter: string
  /** Sequence to begin at. */
  readonly from: number
  readonly windowBytes: number
  onMessage(message: StoredMessage): void
  /** Called whenever nothing that matches is left to read for now. */
  onCaughtUp?(): void
  onEnd(error: MeshError | undefined): void
  readonly log: Log
} & SleepTimes

/** When a reader sleeps. */
export type SleepTimes = {
  /** It read nothing for this long. Default 30,000 ms. */
  readonly idleMs?: number | undefined
  /** It listened for this long. Default 9,000 ms. */
  readonly dozeMs?: number | undefined
}

const IDLE_MS = 30_000

/**
 * What was published before the server knew of our subscription is stored by then: attempts to store end after 5 s. What
 * took longer all the same, whoever calls `rest` finds when it looks at the stream.
 */
const DOZE_MS = 9_000

type State =
  | { readonly kind: 'reading'; readonly reader: StreamReader }
  | { readonly kind: 'dozing'; readonly reader: StreamReader; readonly knock: Knock; readonly sinceMs: number }
  | { readonly kind: 'sleeping'; readonly knock: Knock }
  | { readonly kind: 'closed' }

/**
 * Reads one origin's records of a stream, and sleeps while there are none: a reader that waits has a consumer on the
 * server, with heartbeats and timers on both ends, and there is one for each topic, origin and peer. Asleep it costs one
 * subscription, which wakes it when something is published.
 */
export class SleepingReader {
  readonly #options: SleepingReaderOptions
  #state: State
  #next: number
  #pending: number | undefined
  #paused = false
  /** When a record was last read, or the reading began (`performance.now()`). */
  #readAtMs = performance.now()
  readonly #idleMs: number
  readonly #dozeMs: number

  constructor(options: SleepingReaderOptions) {
    this.#options = options
    this.#idleMs = options.idleMs ?? IDLE_MS
    this.#dozeMs = options.dozeMs ?? DOZE_MS
    this.#next = options.from
    this.#state = { kind: 'reading', reader: this.#open() }
  }

  get asleep(): boolean {
    return this.#state.kind === 'sleeping'
  }

  /** The sequence of the last record that was read; before the first, what lies before the start. */
  get position(): number {
    return this.#next - 1
  }

  /** How many records were left to read at the last one; undefined after opening, until the server has told. */
  get pending(): number | undefined {
    return this.#pending
  }

  get paused(): boolean {
    return this.#paused
  }

  pause(): void {
    this.#paused = true
    if (this.#state.kind === 'reading' || this.#state.kind === 'dozing') this.#state.reader.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#state.kind === 'reading' || this.#state.kind === 'dozing') this.#state.reader.resume()
  }

  /**
   * Everything that is stored was read: called from time to time as long as that is so. The first call after a while
   * without a record listens; one that comes long enough after it, if nothing was heard, ends the reading.
   */
  rest(): void {
    const state = this.#state
    if (state.kind === 'reading') {
      if (performance.now() - this.#readAtMs < this.#idleMs) return
      const { session, filter } = this.#options
      const knock = new Knock({ session, filter, onKnock: () => this.wake() })
      this.#setState({ kind: 'dozing', reader: state.reader, knock, sinceMs: performance.now() })
    } else if (state.kind === 'dozing' && performance.now() - state.sinceMs >= this.#dozeMs) {
      this.#setState({ kind: 'sleeping', knock: state.knock })
      this.#end(state.reader)
    }
  }

  /** There may be something to read. */
  wake(): void {
    if (this.#state.kind === 'dozing') {
      this.#state.knock.close()
      this.#setState({ kind: 'reading', reader: this.#state.reader })
    } else if (this.#state.kind === 'sleeping') {
      this.#state.knock.close()
      this.#setState({ kind: 'reading', reader: this.#open() })
    }
  }

  /** Reads nothing any more. Idempotent. */
  close(): void {
    const state = this.#state
    this.#setState({ kind: 'closed' })
    if (state.kind === 'dozing' || state.kind === 'sleeping') state.knock.close()
    if (state.kind === 'reading' || state.kind === 'dozing') this.#end(state.reader)
  }

  #open(): StreamReader {
    const { session, stream, created, filter, windowBytes, onEnd, log } = this.#options
    this.#pending = undefined
    const reader: StreamReader = new StreamReader({
      session,
      stream,
      created,
      filters: [filter],
      start: { sequence: this.#next },
      windowBytes,
      onMessage: (message) => {
        this.#next = message.sequence + 1
        this.#pending = message.pending
        this.#readAtMs = performance.now()
        this.wake()
        this.#options.onMessage(message)
      },
      onCaughtUp: () => {
        this.#pending = 0
        this.#options.onCaughtUp?.()
      },
      onEnd: (error) => {
        const isOurs = this.#state.kind !== 'closed' && this.#state.kind !== 'sleeping' && this.#state.reader === reader
        if (isOurs) onEnd(error)
      },
      log,
    })
    if (this.#paused) reader.pause()
    return reader
  }

  #end(reader: StreamReader): void {
    reader.close().catch((err: unknown) => {
      this.#options.log.warn({ err, stream: this.#options.stream }, 'closing the reader of a pull failed')
    })
  }

  #setState(state: State): void {
    this.#state = state
  }
}
