import { setTimeout as delay } from 'node:timers/promises'
import { MeshError } from '@landbridge/core'

/** Limits that every operation takes. */
export type CallOptions = {
  /** Ends the operation with `cancelled`. Default: none. */
  readonly signal?: AbortSignal | undefined
  /** Ends the operation with `deadline_exceeded` after so many milliseconds. Default: the connection's `timeoutMs`. */
  readonly timeoutMs?: number | undefined
}

/**
 * The time that one operation has: ends by the caller's signal, by a timeout, or
 * by `dispose`. Its timer keeps the process alive, because somebody waits.
 */
export class Scope implements Disposable {
  readonly #controller = new AbortController()
  /** Names the operation in errors. */
  readonly what: string
  readonly #endsAt: number
  readonly #timer: NodeJS.Timeout | undefined
  readonly #parent: AbortSignal | undefined
  readonly #onAbort: () => void
  readonly #open: Set<Scope> | undefined

  /** `what` names the operation in errors; `timeoutMs` may be Infinity; `open` holds the scope until it is disposed. */
  constructor(what: string, options: CallOptions & { readonly timeoutMs: number; readonly open?: Set<Scope> }) {
    const { signal, timeoutMs, open } = options
    this.#open = open
    open?.add(this)
    this.what = what
    this.#endsAt = performance.now() + timeoutMs
    this.#parent = signal
    this.#onAbort = () =>
      this.#controller.abort(new MeshError('cancelled', `${what}: cancelled`, { cause: signal?.reason }))
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (Number.isFinite(timeoutMs)) {
      this.#timer = setTimeout(() => this.#controller.abort(this.#timeout(timeoutMs)), Math.min(timeoutMs, 0x7fff_ffff))
    }
  }

  /** Aborts when the scope ends; its reason is a `MeshError`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Milliseconds that are left; Infinity without a timeout. */
  get remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now())
  }

  /** Waits; throws the scope's error when it ends first. */
  async sleep(ms: number): Promise<void> {
    await sleep(ms, this.signal)
  }

  /** Throws the scope's error when it has ended. */
  check(): void {
    this.signal.throwIfAborted()
  }

  /** Ends the scope with an error. */
  abort(error: MeshError): void {
    this.#controller.abort(error)
  }

  /** Lets go of the timer and of the caller's signal. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#parent?.removeEventListener('abort', this.#onAbort)
    this.#open?.delete(this)
  }

  #timeout(timeoutMs: number): MeshError {
    return new MeshError('deadline_exceeded', `${this.what}: not done within ${timeoutMs} ms`)
  }
}

/** Waits `ms` milliseconds; throws the signal's reason when it aborts first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
