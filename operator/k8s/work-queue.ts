import type { Log } from '@landbridge/service'
import { KubeError } from './kube-error.ts'

/** Deletions have workers of their own, so that a broker that is down does not starve finalizers, nor they the rest. */
export type Lane = 'change' | 'deletion'

/** When to look at the key again; undefined: when it changes. */
export type Verdict = { readonly againAfterMs?: number | undefined }

/** What a `WorkQueue` needs. */
export type WorkQueueOptions = {
  /** Handles one key; a rejection is retried with backoff. */
  readonly work: (key: string, signal: AbortSignal) => Promise<Verdict>
  /** Which lane a key belongs to now; asked when its turn comes. */
  readonly laneOf: (key: string) => Lane
  /** Keys handled at a time, by lane. */
  readonly workers: Readonly<Record<Lane, number>>
  readonly log: Log
  /** Waits after failures. Default 200 ms doubled up to 60 s. */
  readonly backoff?: { readonly minMs: number; readonly maxMs: number }
  /** Most keys that are remembered; more are refused and named in the log. Default 200,000. */
  readonly keysMax?: number
  /** 0 (included) to 1 (excluded). */
  readonly random?: () => number
}

/** Figures for metrics. */
export type QueueFigures = {
  readonly waiting: number
  readonly delayed: number
  readonly running: number
  readonly failing: number
}

const BACKOFF = { minMs: 200, maxMs: 60_000 } as const
const KEYS_MAX = 200_000
const DOUBLINGS_MAX = 20

/**
 * Keys to work on.
 *
 * 1. A key is worked on by one worker at a time; one that is added meanwhile is worked on once more afterwards.
 * 2. Adding a key that waits does nothing. One that waits for its backoff is worked on at once: something changed.
 * 3. A failure is retried for ever, with backoff and jitter; a success forgets the failures. An API server that asks to
 *    be left alone for longer (429 with Retry-After) is, up to the longest backoff.
 * 4. Nothing that a worker does ends the queue.
 */
export class WorkQueue implements AsyncDisposable {
  readonly #options: WorkQueueOptions
  readonly #end = new AbortController()
  readonly #waiting: Readonly<Record<Lane, Set<string>>> = { change: new Set(), deletion: new Set() }
  readonly #running = new Map<string, Promise<void>>()
  readonly #busy: Record<Lane, number> = { change: 0, deletion: 0 }
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #failures = new Map<string, number>()

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  get figures(): QueueFigures {
    const { change, deletion } = this.#waiting
    return {
      waiting: change.size + deletion.size,
      delayed: this.#timers.size,
      running: this.#running.size,
      failing: this.#failures.size,
    }
  }

  /** Adds a key, to be worked on as soon as a worker is free. */
  add(key: string): void {
    if (this.#end.signal.aborted) return
    this.#clearTimer(key)
    if (this.#running.has(key)) {
      this.#again.add(key)
      return
    }
    const { keysMax = KEYS_MAX, log, laneOf } = this.#options
    const { change, deletion } = this.#waiting
    if (change.size + deletion.size >= keysMax && !change.has(key) && !deletion.has(key)) {
      log.error({ key, keysMax }, 'the work queue is full, the key waits for the next relist')
      return
    }
    const lane = laneOf(key)
    this.#waiting[lane === 'change' ? 'deletion' : 'change'].delete(key)
    this.#waiting[lane].add(key)
    this.#pump()
  }

  /** Adds a key later; a change that comes earlier wins. */
  addAfter(key: string, waitMs: number): void {
    if (this.#end.signal.aborted) return
    this.#clearTimer(key)
    const timer = setTimeout(() => this.add(key), waitMs)
    timer.unref()
    this.#timers.set(key, timer)
  }

  /** Forgets a key that is gone. */
  forget(key: string): void {
    this.#clearTimer(key)
    this.#failures.delete(key)
  }

  /** Ends: what is being worked on is told by its signal, and awaited. Idempotent. */
  async close(): Promise<void> {
    this.#end.abort()
    for (const key of [...this.#timers.keys()]) this.#clearTimer(key)
    this.#waiting.change.clear()
    this.#waiting.deletion.clear()
    this.#again.clear()
    await Promise.all(this.#running.values())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #pump(): void {
    for (const lane of ['deletion', 'change'] as const) {
      for (const key of this.#waiting[lane]) {
        if (this.#busy[lane] >= this.#options.workers[lane]) break
        this.#waiting[lane].delete(key)
        this.#busy[lane] += 1
        this.#running.set(key, this.#run(key, lane))
      }
    }
  }

  async #run(key: string, lane: Lane): Promise<void> {
    let nextMs: number | undefined
    try {
      // Behind the caller: `work` may add keys itself.
      await Promise.resolve()
      const { againAfterMs } = await this.#options.work(key, this.#end.signal)
      this.#failures.delete(key)
      nextMs = againAfterMs
    } catch (err) {
      nextMs = this.#backoffMs(key, err instanceof KubeError ? err.retryAfterMs : undefined)
      this.#options.log.warn({ err, key, waitMs: Math.round(nextMs) }, 'reconciling failed, it is tried again')
    }
    this.#running.delete(key)
    this.#busy[lane] -= 1
    if (this.#end.signal.aborted) return
    if (this.#again.delete(key)) this.add(key)
    else if (nextMs !== undefined) this.addAfter(key, nextMs)
    this.#pump()
  }

  #backoffMs(key: string, askedMs = 0): number {
    const { backoff = BACKOFF, random = Math.random } = this.#options
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, Math.min(failures + 1, DOUBLINGS_MAX))
    const ownMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** failures) * (0.5 + 0.5 * random())
    return Math.max(ownMs, Math.min(backoff.maxMs, askedMs))
  }

  #clearTimer(key: string): void {
    clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
  }
}
