import { MeshError } from '@landbridge/core'
import { isRetryable, withAmbiguity } from '../errors.ts'
import { isUnreached, isUntrusted } from '../failure-text.ts'
import type { Scope } from '../scope.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import type { Link } from './link.ts'
import type { Transport } from './transport.ts'

/** One attempt at a link; throws a `MeshError` when it failed. */
export type Attempt<Value> = (link: Link, timeoutMs: number) => Promise<Value>

const ROUND: BackoffOptions = { initialMs: 100, maxMs: 2_000 }
/** Attempts get longer, for a region that is slow but alive, up to this. */
const ATTEMPT_MS_MAX = 15_000

/**
 * Tries until an attempt succeeds, is refused, or the scope ends.
 *
 * 1. The preferred link first; after a failure the next one at once. Once all failed it waits, with full jitter.
 * 2. A region that is overloaded is given the time it asks for: going elsewhere would spread the load.
 * 3. What home refuses is refused. What another region refuses may be right at home: that is told when the time is over.
 * 4. The error is ambiguous when any attempt was.
 * 5. With the transport's `reachTimeoutMs` it ends early while no gateway was reached at all: after that time, or once
 *    every link was tried when none of their certificates is trusted.
 */
export async function retry<Value>(
  transport: Transport,
  scope: Scope,
  attempt: Attempt<Value>,
  among: readonly Link[] = transport.links,
): Promise<Value> {
  const tried = new Set<Link>()
  let last: MeshError | undefined
  let refusal: MeshError | undefined
  let ambiguous = false
  let attempts = 0
  let waits = 0
  const reach = new Reach(transport.reachTimeoutMs)
  try {
    for (;;) {
      const link = last?.code === 'resource_exhausted' ? undefined : transport.pick(tried, among)
      if (link === undefined) {
        const waitMs = Math.max(last?.retryAfterMs ?? 0, backoffMs(++waits, ROUND, transport.random))
        if (last !== undefined && reach.isOver(waitMs)) throw last
        await scope.sleep(waitMs)
        tried.clear()
        last = undefined
        continue
      }
      const limitMs = Math.min(ATTEMPT_MS_MAX, transport.attemptTimeoutMs * 2 ** Math.floor(attempts / among.length))
      attempts += 1
      try {
        return await timed(link, () => attempt(link, Math.min(limitMs, reach.attemptMs, scope.remainingMs)))
      } catch (thrown) {
        last = MeshError.from(thrown)
        ambiguous ||= last.ambiguous
        reach.failed(last)
        if (scope.signal.aborted || transport.isFinal(last, link, among)) throw last
        if (!isRetryable(last)) refusal = last
        tried.add(link)
      }
    }
  } catch (thrown) {
    throw scope.signal.aborted
      ? ended(scope, last, refusal, ambiguous)
      : withAmbiguity(MeshError.from(thrown), ambiguous)
  }
}

/** Whether any gateway was reached so far, and for how long that is tried. */
class Reach {
  readonly #endsAt: number | undefined
  readonly #limitMs: number
  #reached = false
  #trusted = false

  constructor(limitMs: number | undefined) {
    this.#limitMs = limitMs ?? Number.POSITIVE_INFINITY
    this.#endsAt = limitMs === undefined ? undefined : performance.now() + limitMs
  }

  /** How long one attempt may take. */
  get attemptMs(): number {
    return this.#reached ? Number.POSITIVE_INFINITY : this.#limitMs
  }

  failed({ message }: MeshError): void {
    if (!isUnreached(message)) this.#reached = true
    if (!isUntrusted(message)) this.#trusted = true
  }

  /** True when it is not worth another round after that wait. */
  isOver(waitMs: number): boolean {
    if (this.#reached || this.#endsAt === undefined) return false
    return !this.#trusted || performance.now() + waitMs >= this.#endsAt
  }
}

async function timed<Value>(link: Link, run: () => Promise<Value>): Promise<Value> {
  const startedAt = performance.now()
  try {
    const value = await run()
    link.succeeded()
    return value
  } catch (thrown) {
    const error = MeshError.from(thrown)
    if (isFault(error)) link.failed(startedAt, error.retryAfterMs)
    throw error
  }
}

/** True for an error that speaks against the region; overload and refusals do not. */
function isFault(error: MeshError): boolean {
  return isRetryable(error) && error.code !== 'resource_exhausted'
}

function ended(
  scope: Scope,
  last: MeshError | undefined,
  refusal: MeshError | undefined,
  ambiguous: boolean,
): MeshError {
  const reason = MeshError.from(scope.signal.reason)
  if (refusal !== undefined && reason.code === 'deadline_exceeded') {
    return new MeshError(refusal.code, `${reason.message}; refused: ${refusal.message}`, { cause: refusal, ambiguous })
  }
  const text = last === undefined || last === reason ? reason.message : `${reason.message}; last: ${last.message}`
  return new MeshError(reason.code, text, { cause: last ?? reason, ambiguous })
}
