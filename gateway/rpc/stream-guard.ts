import { MeshError } from '@landbridge/core'
import type { TopicRegistry } from '../topics.ts'
import type { CallContext } from './call-context.ts'

/** What a stream's guard watches. */
export type StreamGuardOptions = {
  readonly context: CallContext
  readonly registry: TopicRegistry
  /** Aborts when the gateway drains. */
  readonly draining: AbortSignal
  /** Clock, ms since 1970. */
  readonly now: () => number
  /** Why the stream may not go on under the configuration as it is now; undefined when it may. */
  readonly check: () => MeshError | undefined
  /** Called at most once, with why the stream must end. */
  readonly onEnd: (error: MeshError) => void
}

/** Policies may have conditions that time changes. */
const RECHECK_MS = 10_000
const TIMER_MS_MAX = 2 ** 31 - 1
/** Another gateway, or this one after its restart, is worth trying at once. */
const DRAIN_RETRY_MS = 50

/**
 * Ends a long call when what allowed it is over: its credentials end (UNAUTHENTICATED), the configuration takes the
 * right or the topic away (what `check` says), or the gateway drains (UNAVAILABLE with a retry delay).
 */
export class StreamGuard {
  readonly #options: StreamGuardOptions
  readonly #recheck: NodeJS.Timeout
  readonly #stopListening: () => void
  readonly #onDrain = () => this.#end(drained())
  #expiry: NodeJS.Timeout | undefined
  #ended = false

  constructor(options: StreamGuardOptions) {
    this.#options = options
    this.#recheck = setInterval(() => this.#check(), RECHECK_MS)
    this.#recheck.unref()
    this.#stopListening = options.registry.onChange(() => this.#check())
    options.draining.addEventListener('abort', this.#onDrain, { once: true })
    this.#watchExpiry()
    // Its creator must have it before it can end.
    if (options.draining.aborted) queueMicrotask(this.#onDrain)
  }

  /** Stops watching. */
  close(): void {
    this.#ended = true
    clearInterval(this.#recheck)
    clearTimeout(this.#expiry)
    this.#stopListening()
    this.#options.draining.removeEventListener('abort', this.#onDrain)
  }

  #watchExpiry(): void {
    const { context, now } = this.#options
    if (context.expiresAtMs === Number.POSITIVE_INFINITY) return
    const restMs = context.expiresAtMs - now()
    this.#expiry = setTimeout(
      () => {
        if (context.expiresAtMs > now()) this.#watchExpiry()
        else this.#end(new MeshError('unauthenticated', 'stream: its credentials have ended, wanted a fresh token'))
      },
      Math.min(Math.max(restMs, 0), TIMER_MS_MAX),
    )
    this.#expiry.unref()
  }

  #check(): void {
    const error = this.#options.check()
    if (error !== undefined) this.#end(error)
  }

  #end(error: MeshError): void {
    if (this.#ended) return
    this.close()
    this.#options.onEnd(error)
  }
}

function drained(): MeshError {
  return new MeshError('unavailable', 'stream: the gateway is draining, continue at another', {
    retryAfterMs: DRAIN_RETRY_MS,
  })
}
