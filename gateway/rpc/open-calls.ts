import { status } from '@grpc/grpc-js'
import type { Metrics } from '../telemetry/index.ts'
import type { ObservedCall } from './observed-call.ts'

/** The calls that are open, so that a drain can wait for them. */
export class OpenCalls {
  readonly #calls = new Map<ObservedCall, string>()
  readonly #drain = new AbortController()
  readonly #metrics: Metrics
  #idle: PromiseWithResolvers<void> | undefined

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /** Aborts when the gateway begins to drain: streams then finish what is in flight and end. */
  get draining(): AbortSignal {
    return this.#drain.signal
  }

  /** A call came. */
  add(call: ObservedCall, path: string, streaming: boolean): void {
    this.#calls.set(call, path)
    if (streaming) this.#metrics.openStreams.inc({ method: methodOf(path) })
  }

  /** A call is over, for the client too. */
  remove(call: ObservedCall, streaming: boolean): void {
    const path = this.#calls.get(call)
    if (path === undefined) return
    this.#calls.delete(call)
    if (streaming) this.#metrics.openStreams.dec({ method: methodOf(path) })
    if (this.#calls.size === 0) this.#idle?.resolve()
  }

  /**
   * Begins the drain; resolves when no call is open.
   * @param endsItself Whether calls of a path end by themselves on `draining`; the others (health watches, reflection)
   *   are ended here when they are streams.
   */
  drain(endsItself: (path: string) => boolean): Promise<void> {
    this.#drain.abort()
    for (const [call, path] of this.#calls) {
      if (!endsItself(path)) call.sendStatus({ code: status.UNAVAILABLE, details: 'gateway: is draining, try another' })
    }
    if (this.#calls.size === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers<void>()
    return this.#idle.promise
  }
}

/** The method's short name, "EventService/Publish": a bounded set, because only registered paths get here. */
export function methodOf(path: string): string {
  const [, service = '', method = ''] = path.split('/')
  return `${service.slice(service.lastIndexOf('.') + 1)}/${method}`
}
