import {
  BATCH_LIFE_MS,
  CLOCK_SKEW_MS,
  copyCheckOf,
  MeshError,
  markOf,
  onArrival,
  type RetryMark,
} from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import type { MarkedViews } from '../marked-views.ts'
import type { TopicEntry } from '../topics.ts'
import type { StoreAttempt } from './event-store.ts'

/** A check that takes longer is given up: the mark it belongs to would no longer cover the time of storing. */
const CHECK_MS_MAX = 4000

/** Where marked events are looked for before they are stored (RULES.md 4 and 5). */
export class CopyFinder {
  readonly #session: NatsSession
  readonly #region: string
  readonly #now: () => number
  readonly #views: MarkedViews

  constructor(options: { session: NatsSession; region: string; now: () => number; views: MarkedViews }) {
    this.#session = options.session
    this.#region = options.region
    this.#now = options.now
    this.#views = options.views
  }

  /** The mark for events of this attempt stored within a batch life from now; undefined when they need none. */
  markOf({ retry, sentMs, topic }: Pick<StoreAttempt, 'retry' | 'sentMs' | 'topic'>): RetryMark | undefined {
    if (retry === undefined) return undefined
    const context = this.#context(topic)
    return markOf(onArrival(retry, sentMs, context.nowMs), { ...context, region: this.#region })
  }

  /** Until when an event that is sent now may be stored, clock skew included; ms since 1970. */
  untilMs(): number {
    return Math.ceil(this.#now() + BATCH_LIFE_MS + CLOCK_SKEW_MS)
  }

  /**
   * Which of the ids are in the region's stream already, with their sequence (0 when it is not known).
   * @throws MeshError 'unavailable', not ambiguous, when it cannot be told.
   */
  async find(topic: TopicEntry, mark: RetryMark, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    const signal = AbortSignal.timeout(CHECK_MS_MAX)
    try {
      return await Promise.race([this.#find(topic, mark, ids, signal), rejectionOf(signal)])
    } catch (cause) {
      throw new MeshError('unavailable', 'publish: cannot tell whether the event is stored already, try again', {
        cause,
        retryAfterMs: 500,
      })
    }
  }

  async #find(
    topic: TopicEntry,
    mark: RetryMark,
    ids: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const { epoch } = this.#session
    const found = await this.#findOver(topic, mark, ids, signal)
    // What was found over a connection that is lost says nothing about what the store holds now (rule 6).
    if (this.#session.epoch === epoch) return found
    throw new MeshError('unavailable', 'publish: the connection to the store was lost while copies were looked for')
  }

  async #findOver(
    topic: TopicEntry,
    mark: RetryMark,
    ids: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const context = this.#context(topic)
    // What follows the check may be sent as late as the check may end.
    const check = copyCheckOf(mark, { ...context, nowMs: context.nowMs + CHECK_MS_MAX })
    const found = new Map<string, number>()
    const marked = this.#views.of(topic)
    await marked.see(performance.now())
    for (const id of ids) if (marked.has(id)) found.set(id, marked.sequenceOf(id) ?? 0)
    if (typeof check === 'string') return found
    const missing = new Set([...ids].filter((id) => !found.has(id)))
    if (missing.size === 0) return found
    // Read to the end of the stream: a copy that came by replication was stored here later than it was recorded.
    const copies = await marked.copiesSince(check.scanFromMs, missing, signal)
    for (const [id, sequence] of copies) found.set(id, sequence)
    return found
  }

  #context(topic: TopicEntry) {
    return {
      nowMs: this.#now(),
      duplicateWindowMs: topic.document.spec.duplicateWindowMs,
      batchLifeMs: BATCH_LIFE_MS,
      skewMs: CLOCK_SKEW_MS,
    }
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}
