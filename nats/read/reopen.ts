import { MeshError } from '@landbridge/core'
import type { Log } from '../log.ts'
import { isServerError, SERVER_ERROR, ServerError } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import type { PullTrouble } from './pull.ts'

/** Options of `keepOpen`. */
export type OpenLoopOptions = {
  readonly session: NatsSession
  readonly log: Log
  /** For messages: "read lb_acme_orders". */
  readonly name: string
  /** Opens once; `trouble` may be called once when it must be opened again. Returns what undoes the opening. */
  open(trouble: (trouble: PullTrouble) => void): Promise<() => Promise<void>>
  /** Called once: undefined after close(). */
  onEnd(error: MeshError | undefined): void
}

/** A loop that is running. */
export type OpenLoop = {
  close(): Promise<void>
  /** Ends the loop with an error. */
  fail(error: MeshError): void
}

const DELAY_MIN_MS = 50
const DELAY_MAX_MS = 3_000
/** A cluster that is coming up may not know its streams yet, or not all of their records: it is asked this often. */
const BELIEVED_AFTER = 6
/** What was open for less than this counts as a failure to open. */
const LASTING_MS = 1_000

/** Opens, and opens again after every trouble and reconnect, with backoff, until closed or until it is of no use. */
export function keepOpen(options: OpenLoopOptions): OpenLoop {
  const loop = new Loop(options)
  return { close: () => loop.close(), fail: (error) => loop.fail(error) }
}

class Loop {
  readonly #options: OpenLoopOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #error: MeshError | undefined
  #doubts = 0
  #failures = 0

  constructor(options: OpenLoopOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  close(): Promise<void> {
    this.#stop.abort()
    return this.#running
  }

  fail(error: MeshError): void {
    this.#error ??= error
    this.#stop.abort()
  }

  async #run(): Promise<void> {
    const { session, log, name } = this.#options
    const { signal } = this.#stop
    // Nothing is called back before the constructor that started this has returned.
    await Promise.resolve()
    while (!signal.aborted) {
      try {
        await session.whenConnected(signal)
        const trouble = await this.#openOnce()
        if (!signal.aborted) log.debug({ name, trouble }, 'reader opens again')
      } catch (error) {
        if (signal.aborted) break
        const reason = this.#hopeless(error)
        if (reason !== undefined) {
          this.fail(reason)
          break
        }
        this.#failures++
        log.warn({ name, error: String(error), failures: this.#failures }, 'reader could not be opened')
      }
      await this.#backOff()
    }
    this.#options.onEnd(this.#error)
  }

  async #openOnce(): Promise<PullTrouble | 'disconnected' | 'closed'> {
    const { session, open } = this.#options
    const { signal } = this.#stop
    let report: (trouble: PullTrouble | 'disconnected' | 'closed') => void = () => undefined
    const over = new Promise<PullTrouble | 'disconnected' | 'closed'>((resolve) => {
      report = resolve
    })
    const closed = () => report('closed')
    signal.addEventListener('abort', closed, { once: true })
    const stopListening = session.onChange(() => report('disconnected'))
    try {
      const undo = await open(report)
      this.#doubts = 0
      const openedMs = Date.now()
      const trouble = await over
      this.#failures = Date.now() - openedMs < LASTING_MS ? this.#failures + 1 : 0
      await undo()
      return trouble
    } finally {
      stopListening()
      signal.removeEventListener('abort', closed)
    }
  }

  /** Why opening again would not help, if so. */
  #hopeless(error: unknown): MeshError | undefined {
    if (!(error instanceof MeshError)) return MeshError.from(error)
    if (isServerError(error, SERVER_ERROR.streamNotFound) || error.code === 'out_of_range') {
      this.#doubts++
      return this.#doubts >= BELIEVED_AFTER ? error : undefined
    }
    if (error instanceof ServerError && error.code === 'internal') return error
    if (error.code === 'failed_precondition' || error.code === 'invalid_argument') return error
    // The session itself is closed: it will never connect again.
    if (error.message.startsWith('use NATS: ')) return error
    return undefined
  }

  #backOff(): Promise<void> {
    const range = Math.min(DELAY_MAX_MS, DELAY_MIN_MS * 2 ** Math.min(this.#failures, 8))
    const delayMs = this.#failures === 0 ? 0 : DELAY_MIN_MS + Math.random() * range
    const { signal } = this.#stop
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, delayMs)
      if (signal.aborted) done()
      else signal.addEventListener('abort', done, { once: true })
    })
  }
}
