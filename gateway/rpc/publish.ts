import { MeshError, type PublishAttempt, parseRetry, readPublishRequest } from '@landbridge/core'
import type { TopicAccess } from '../auth/index.ts'
import { type Budget, bytesOf, type EventResult, type EventStore, encodePublishResponse } from '../publish/index.ts'
import { principalOf } from './call-context.ts'
import type { UnaryMethod } from './unary.ts'

/** What publishing needs. */
export type PublishTools = {
  readonly region: string
  readonly access: TopicAccess
  readonly store: EventStore
  readonly budget: Budget
  /** Clock, ms since 1970. */
  readonly now: () => number
}

/** `EventService.Publish`, on encoded messages. */
export function publish({ region, access, store, budget, now }: PublishTools): UnaryMethod<Buffer, Buffer> {
  return async (bytes, context) => {
    const request = readPublishRequest(bytes)
    if (request.error !== undefined) throw request.error
    const { topic: topicKey, events, sentMs } = request.value
    const principal = principalOf(context)
    const topic = access.topic(topicKey, principal, 'publish')
    if (events.length === 0) throw new MeshError('invalid_argument', 'publish: has no event, wanted 1 to 1,000')
    const retry = retryOf(request.value.retry)
    const size = bytesOf(events)
    await budget.takeSoon(size, events.length)
    try {
      const results = await store.store({ topic, events, principal, retry, sentMs })
      const nothingTried = errorOfAll(results)
      if (nothingTried !== undefined) throw nothingTried
      return encodePublishResponse({ region, nowMs: now() }, results)
    } finally {
      budget.giveBack(size, events.length)
    }
  }
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
