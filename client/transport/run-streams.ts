import type { MeshError } from '@landbridge/core'
import { isRetryable } from '../errors.ts'
import { sleep } from '../scope.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import type { Link } from './link.ts'
import type { Transport } from './transport.ts'

const ROUND: BackoffOptions = { initialMs: 100, maxMs: 2_000 }

/** How a stream ended. */
export type StreamEnd = {
  /** It did what it was for: earlier failures are forgotten. */
  readonly worked: boolean
  /** Undefined when it ended to go on at a better link, or for good. */
  readonly error: MeshError | undefined
}

/** What goes on over one stream after the other. */
export type Streaming = {
  /** Ends it; throws its reason. */
  readonly signal: AbortSignal
  /** Resolves when a stream is wanted; with false when none will be any more. */
  wanted(): Promise<boolean>
  /** Links that it can use now. */
  links(): readonly Link[]
  /** One stream at a link, until it ends. Never rejects. */
  run(link: Link): Promise<StreamEnd>
  /** The mesh refuses it; throws unless it goes on with something else. */
  refused(error: MeshError): void
}

/**
 * Runs one stream after the other while one is wanted.
 *
 * 1. The preferred link first; after a failure the next one at once. Once all failed it waits, with full jitter.
 * 2. A refused token is replaced once until a stream worked again.
 * 3. A region that is overloaded is given the time it asks for: going elsewhere would spread the load.
 */
export async function runStreams(transport: Transport, streaming: Streaming): Promise<void> {
  const { signal } = streaming
  const tried = new Set<Link>()
  let waits = 0
  let refreshed = false
  let waitMs = 0
  while (await streaming.wanted()) {
    signal.throwIfAborted()
    const link = waitMs > 0 ? undefined : transport.pick(tried, streaming.links())
    if (link === undefined) {
      await sleep(Math.max(waitMs, backoffMs(++waits, ROUND, transport.random)), signal)
      tried.clear()
      waitMs = 0
      continue
    }
    const startedAt = performance.now()
    const { worked, error } = await streaming.run(link)
    signal.throwIfAborted()
    if (worked) {
      tried.clear()
      waits = 0
      refreshed = false
    }
    if (error === undefined) continue
    if (error.code === 'unauthenticated' && !refreshed && transport.refreshToken()) refreshed = true
    else if (transport.isFinal(error, link)) streaming.refused(error)
    else if (error.code === 'resource_exhausted') waitMs = error.retryAfterMs ?? 1
    else {
      if (isRetryable(error)) link.failed(startedAt, error.retryAfterMs)
      tried.add(link)
    }
  }
}
