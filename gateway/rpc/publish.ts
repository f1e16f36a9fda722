import { MeshError, type PublishAttempt, parseRetry, readPublishRequest } from '@landbridge/core'
import type { TopicAccess } from '../auth/index.ts'
import {
  type Budget,
  bytesOf,
  type EventResult,
  encodePublishResponse,
  once,
  type Publisher,
} from '../publish/index.ts'
import { type CallContext, principalOf } from './call-context.ts'
import type { UnaryMethod } from './unary.ts'

/** What publishing needs. */
export type PublishTools = {
  readonly region: string
  readonly access: TopicAccess
  readonly publisher: Publisher
  readonly budget: Budget
  /** Clock, ms since 1970. */
  readonly now: () => number
  /** Time for one publish whose caller names no deadline, ms. */
  readonly publishTimeoutMs: number
}

/** A caller may wait for longer, but not in our memory. */
const WAIT_MS_MAX = 60_000

/** `EventService.Publish`, on encoded messages. */
export function publish(tools: PublishTools): UnaryMethod<Buffer, Buffer> {
  const { region, access, publisher, budget, now } = tools
  return async (bytes, context) => {
    const request = readPublishRequest(bytes)
    if (request.error !== undefined) throw request.error
    const { topic: topicKey, events, sentMs } = request.value
    const principal = principalOf(context)
    const { topic, allowance } = access.topic(topicKey, principal, 'publish')
    if (events.length === 0) throw new MeshError('invalid_argument', 'publish: has no event, wanted 1 to 1,000')
    const retry = retryOf(request.value.retry)
    const size = bytesOf(events)
    if (allowance !== undefined) {
      if (allowance.waitMs > 0) throw access.exhausted(allowance)
      allowance.take(events.length, size)
    }
    await budget.takeSoon(size, events.length)
    const giveBack = once(() => budget.giveBack(size, events.length))
    try {
      const results = await publisher.publish({
        topic,
        events,
        principal,
        retry,
        sentMs,
        deadlineAtMs: deadlineOf(context, tools.publishTimeoutMs),
        mayForward: true,
        together: false,
        onStored: giveBack,
      })
      const nothingTried = errorOfAll(results)
      if (nothingTried !== undefined) throw nothingTried
      return encodePublishResponse({ region, nowMs: now() }, results)
    } finally {
      giveBack()
    }
  }
}

/** When the caller must have its answer, by `performance.now()`. */
export function deadlineOf({ remainingMs }: CallContext, timeoutMs: number): number {
  const restMs = remainingMs()
  return performance.now() + (restMs === Number.POSITIVE_INFINITY ? timeoutMs : Math.min(restMs, WAIT_MS_MAX))
}

/** What a request says of earlier attempts. @throws MeshError 'invalid_argument'. */
export function retryOf(encoded: Uint8Array | undefined): PublishAttempt | undefined {
  if (encoded === undefined) return undefined
  const retry = parseRetry(encoded)
  if (retry.error !== undefined) throw retry.error
  return retry.value
}

/** The error of a request none of whose events was acceptable: then the call as a whole is refused. */
function errorOfAll(results: readonly EventResult[]): MeshError | undefined {
  let first: MeshError | undefined
  for (const result of results) {
    if (result.kind !== 'failed' || result.error.code !== 'invalid_argument') return undefined
    first ??= result.error
  }
  return first
}
