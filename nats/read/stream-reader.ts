import { MeshError } from '@landbridge/core'
import type { Msg } from '@nats-io/nats-core'
import { askJetStream, askStreamInfo } from '../api.ts'
import { type Log, silentLog } from '../log.ts'
import type { NatsSession } from '../session.ts'
import { type DeliveryInfo, deliveredMessage, type StoredMessage } from './message.ts'
import { Pull, type PullTrouble } from './pull.ts'
import { readerName } from './reader-name.ts'
import { keepOpen, type OpenLoop } from './reopen.ts'

/** Where a reader begins: at a sequence, at the first record stored at or after a time, behind the newest, or at the oldest. */
export type ReadStart = { readonly sequence: number } | { readonly timeMs: number } | 'new' | 'all'

/** Options of a `StreamReader`. */
export type StreamReaderOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** Subjects with wildcards; they must not overlap. Empty: everything. */
  readonly filters: readonly string[]
  readonly start: ReadStart
  /** When the stream that is to be read was made, as the server tells it. Default: that of the first opening. */
  readonly created?: string | undefined
  /** Leaves the payload out. Default false. */
  readonly headersOnly?: boolean
  /** Called in stream order, never twice for a sequence. An exception ends the reader with that error. */
  onMessage(message: StoredMessage): void
  /** Called once when the reader can go no further: undefined after close(), else why (deleted, recreated, cut back). */
  onEnd?(error: MeshError | undefined): void
  /** Called whenever nothing that matches is left to read for now. */
  onCaughtUp?(): void
  /** Messages asked for ahead. Default 1,000. */
  readonly windowMessages?: number
  /** Bytes asked for ahead. Default 4 MiB. */
  readonly windowBytes?: number
  readonly log?: Log
}

/** The server forgets a reader's consumer after this long without a request; a reader paused longer makes a new one. */
const INACTIVE_MS = 60_000

/**
 * Reads a stream in order, for as long as it is there.
 *
 * 1. Each record that matches comes once, in stream order: after a lost connection, a restarted server, or a lost
 *    message the reader goes on behind the last sequence it has given.
 * 2. What retention has removed in the meantime is skipped; `sequence` tells.
 * 3. It ends with an error when the stream is deleted, made anew, or shorter than what was read from it already.
 * 4. While paused it holds at most one window.
 */
export class StreamReader implements AsyncDisposable {
  readonly #options: StreamReaderOptions
  readonly #loop: OpenLoop
  #pull: Pull | undefined
  #position = 0
  /** Where to begin while nothing was read; 'new' is fixed to a sequence at the first opening. */
  #start: ReadStart
  #created: string | undefined
  #consumerSequence = 0
  #paused = false
  #ended = false
  /** True once a message was given to onMessage. */
  #consumed = false
  #onGap: () => void = () => undefined

  /** @throws {RangeError} for a start by time with several filters: the server would skip records (nats-server 2.15) */
  constructor(options: StreamReaderOptions) {
    if (typeof options.start === 'object' && 'timeMs' in options.start && options.filters.length > 1) {
      throw new RangeError(`read ${options.stream}: there are several filters, wanted one with a start by time`)
    }
    this.#options = options
    this.#start = options.start
    this.#created = options.created
    if (typeof options.start === 'object' && 'sequence' in options.start) {
      this.#position = Math.max(0, options.start.sequence - 1)
    }
    this.#loop = keepOpen({
      session: options.session,
      log: options.log ?? silentLog,
      name: `read ${options.stream}`,
      open: (trouble) => this.#open(trouble),
      onEnd: (error) => this.#end(error),
    })
  }

  /** The sequence of the last message given to onMessage; before the first, what is known to lie before the start. */
  get position(): number {
    return this.#position
  }

  get paused(): boolean {
    return this.#paused
  }

  /** No onMessage is called after this until resume(). */
  pause(): void {
    this.#paused = true
    this.#pull?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#pull?.resume()
  }

  /** Ends the reader; no onMessage is called after this. Joins a close in progress. */
  close(): Promise<void> {
    this.#stopPull()
    return this.#loop.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #stopPull(): void {
    this.#ended = true
    this.#pull?.stop()
  }

  #end(error: MeshError | undefined): void {
    this.#stopPull()
    this.#options.onEnd?.(error)
  }

  async #open(onTrouble: (trouble: PullTrouble) => void): Promise<() => Promise<void>> {
    const { session, stream } = this.#options
    const info = await askStreamInfo(session, stream)
    this.#checkIncarnation(info.created, info.state.last_seq)
    if (this.#start === 'new') {
      this.#start = { sequence: info.state.last_seq + 1 }
      this.#position = info.state.last_seq
    }
    const name = readerName()
    const created = await askJetStream<{ readonly num_pending?: number }>(
      session,
      `CONSUMER.CREATE.${stream}.${name}`,
      { stream_name: stream, config: { name, ...this.#consumerConfig() } },
    )
    this.#consumerSequence = 0
    const { windowMessages = 1_000, windowBytes = 4 * 1024 * 1024 } = this.#options
    this.#pull?.stop()
    if (!this.#ended) {
      this.#pull = new Pull(
        {
          session,
          stream,
          consumer: name,
          windowMessages,
          windowBytes,
          onMessage: (message, delivery) => this.#receive(message, delivery),
          onTrouble,
        },
        this.#paused,
      )
      this.#onGap = () => onTrouble('interrupted')
      if (created.num_pending === 0) this.#guard(() => this.#options.onCaughtUp?.())
    }
    return async () => {
      this.#pull?.stop()
      if (!session.connected) return
      await askJetStream(session, `CONSUMER.DELETE.${stream}.${name}`, undefined, 1_000).catch(() => undefined)
    }
  }

  #checkIncarnation(created: string, lastSequence: number): void {
    const { stream } = this.#options
    this.#created ??= created
    if (this.#created !== created) {
      throw new MeshError(
        'failed_precondition',
        `read ${stream}: the stream was made anew, wanted the one that was begun`,
      )
    }
    if (this.#consumed && this.#position > lastSequence) {
      const message = `read ${stream}: the stream ends at ${lastSequence}, ${this.#position} was read from it already`
      throw new MeshError('out_of_range', message)
    }
  }

  #consumerConfig(): object {
    const { filters, headersOnly } = this.#options
    const begin = this.#start
    const start =
      this.#consumed || (typeof begin === 'object' && 'sequence' in begin)
        ? { deliver_policy: 'by_start_sequence', opt_start_seq: this.#position + 1 }
        : typeof begin === 'object'
          ? { deliver_policy: 'by_start_time', opt_start_time: new Date(begin.timeMs).toISOString() }
          : { deliver_policy: 'all' }
    const [only] = filters
    const filter = filters.length === 1 ? { filter_subject: only } : { filter_subjects: filters }
    return {
      ...start,
      ...(filters.length === 0 ? {} : filter),
      ack_policy: 'none',
      headers_only: headersOnly ?? false,
      inactive_threshold: INACTIVE_MS * 1e6,
      mem_storage: true,
      num_replicas: 1,
    }
  }

  #receive(message: Msg, delivery: DeliveryInfo): void {
    if (this.#ended) return
    // Core NATS underneath may drop messages; the consumer's own count tells.
    if (delivery.consumerSequence !== this.#consumerSequence + 1 || delivery.sequence <= this.#position) {
      this.#pull?.stop()
      this.#onGap()
      return
    }
    this.#consumerSequence++
    this.#position = delivery.sequence
    this.#consumed = true
    this.#guard(() => {
      this.#options.onMessage(deliveredMessage(message, delivery))
      if (delivery.pending === 0) this.#options.onCaughtUp?.()
    })
  }

  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#stopPull()
      this.#loop.fail(MeshError.from(error))
    }
  }
}
