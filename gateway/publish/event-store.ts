import {
  ATTEMPT_AGE_MAX_MS,
  arrivesInTime,
  CLOCK_SKEW_MS,
  EventStamper,
  egressOf,
  encodeMark,
  eventSubject,
  HEADER,
  type HybridClock,
  MeshError,
  messageId,
  type Principal,
  type PublishAttempt,
  partitionOf,
  REPLICATION_HEADERS_MAX,
  type RetryMark,
  type ScannedEvent,
  type StoreState,
  scanEvent,
} from '@landbridge/core'
import type { NatsSession, StoreRequest, StoreResult } from '@landbridge/nats'
import type { MarkedViews } from '../marked-views.ts'
import type { RegionClock } from '../region-clock.ts'
import type { EventTracing, Log, Metrics } from '../telemetry/index.ts'
import type { TopicEntry } from '../topics.ts'
import { BREAKER_DEFAULTS, type BreakerOptions, StoreBreaker } from './breaker.ts'
import { CopyFinder } from './copies.ts'

/** Where an acknowledged event is, when that is more than "stored in this region". */
export type Placement = {
  /** The region that stored it. */
  readonly region: string
  /** Regions known to hold it, that one first. */
  readonly regions: readonly string[]
  /** The topic asks for a second region, and none is known to hold it. */
  readonly degraded: boolean
}

/** What became of one event. */
export type EventResult =
  | (Exclude<StoreResult, { kind: 'failed' }> & { readonly placement?: Placement | undefined })
  | Extract<StoreResult, { kind: 'failed' }>

/** What an event store needs. */
export type EventStoreOptions = {
  readonly region: string
  readonly session: NatsSession
  readonly clock: HybridClock
  readonly metrics: Metrics
  readonly log: Log
  /** Where copies are looked for; shared with replication. */
  readonly views: MarkedViews
  /** Undefined: no tracing, and no cost of it. */
  readonly tracing: EventTracing | undefined
  /** The region's time. */
  readonly time: Pick<RegionClock, 'now' | 'inDoubt'>
  readonly breaker?: BreakerOptions
}

/** One attempt to store events of one topic, by one principal that may publish there. */
export type StoreAttempt = {
  readonly topic: TopicEntry
  /** 1 to 1,000, as sent. */
  readonly events: readonly Uint8Array[]
  readonly principal: Principal
  /** What the publisher knows of earlier attempts. */
  readonly retry: PublishAttempt | undefined
  /** Whose order must not change by a failure, as in `BatchWriter.store`; undefined for a call by itself. */
  readonly lane?: object
  /** When the publisher sent it, ms since 1970 by the region's clock; undefined when it does not say. */
  readonly sentMs: number | undefined
}

type Prepared = {
  readonly requests: StoreRequest[]
  /** Index of each request's event in the attempt. */
  readonly indexes: number[]
  readonly results: (EventResult | undefined)[]
  readonly spans: EndSpan[]
}

type EndSpan = (result: EventResult) => void

const NO_HEADERS = ''
/** A connection that is away for longer is not waited for: callers hear so at once and may go to another region. */
const AWAY_MS = 1000
const AWAY_RETRY_MS = 500
/** What is late was given up long ago, or its sender's clock is wrong and learns the time from the refusal. */
const LATE_RETRY_MS = 1
/** One question to NATS later the time is known again. */
const DOUBT_RETRY_MS = 50

/**
 * Stores events in this region: checks, stamps and marks them, and writes them through the topic's breaker and writer.
 * Guarantees:
 * 1. One result an event, in order. `stored` and `duplicate` mean durable. An event that is refused is not sent.
 * 2. Unmarked attempts are handed to the writer before `store` returns, so calls keep their order.
 * 3. An event of a marked attempt is stored only if no copy of it is in the region's stream (RULES.md 4 and 5).
 *
 * The hot path: what is done here for each event costs about 2 µs, and nothing of an event is decoded or copied but once.
 */
export class EventStore {
  readonly #options: EventStoreOptions
  readonly #copies: CopyFinder
  readonly #breakers = new Map<string, StoreBreaker>()
  readonly #stampers = new WeakMap<Principal, EventStamper>()
  readonly #subjects = new WeakMap<TopicEntry, readonly string[]>()
  readonly #stopWatching: () => void
  /** Topics whose store owes answers: how many, and since when it has given none, by the monotonic clock. */
  readonly #owed = new Map<string, { count: number; sinceMs: number }>()
  /** Since when the connection to the store is away, by the monotonic clock; undefined while it stands. */
  #awaySinceMs: number | undefined

  constructor(options: EventStoreOptions) {
    this.#options = options
    const { session, time } = options
    this.#copies = new CopyFinder({ ...options, now: time.now })
    const watch = () => {
      this.#awaySinceMs = session.connected ? undefined : performance.now()
    }
    watch()
    this.#stopWatching = session.onChange(watch)
  }

  /**
   * Stores. Rejects only when nothing was tried: the attempt arrives late, the time is in doubt, the store is away, its
   * breaker is open, or (marked) copies cannot be looked for.
   */
  store(attempt: StoreAttempt): Promise<readonly EventResult[]> {
    const late = this.refusalOf(attempt)
    if (late !== undefined) return Promise.reject(late)
    if (this.#awaySinceMs !== undefined && performance.now() - this.#awaySinceMs > AWAY_MS) {
      const text = "store: the region's store cannot be reached, try again or another region"
      return Promise.reject(new MeshError('unavailable', text, { retryAfterMs: AWAY_RETRY_MS }))
    }
    const mark = this.#copies.markOf(attempt)
    return mark === undefined ? this.#write(attempt, undefined) : this.#storeMarked(attempt, mark)
  }

  /** How the store is for a topic, as far as is known without asking it. */
  state(topicKey: string): StoreState {
    const breakerOpen = this.#breakers.get(topicKey)?.open === true
    return { awaySinceMs: this.#awaySinceMs, silentSinceMs: this.#owed.get(topicKey)?.sinceMs, breakerOpen }
  }

  /** Why an attempt must not be stored any more, here or anywhere: MeshError 'unavailable', not ambiguous. */
  refusalOf({ sentMs }: Pick<StoreAttempt, 'sentMs'>): MeshError | undefined {
    const { time } = this.#options
    if (time.inDoubt) {
      const text = "publish: this gateway's clock has jumped and is being set right, try again"
      return new MeshError('unavailable', text, { retryAfterMs: DOUBT_RETRY_MS })
    }
    const nowMs = time.now()
    if (sentMs === undefined || arrivesInTime(sentMs, nowMs)) return undefined
    this.#options.metrics.refusals.inc({ reason: 'late' })
    const travelMs = Math.round(nowMs - sentMs)
    const text = `publish: was sent ${travelMs} ms ago by the region's clock, wanted ${-CLOCK_SKEW_MS} to ${ATTEMPT_AGE_MAX_MS} ms, try again with the region's time`
    return new MeshError('unavailable', text, { retryAfterMs: LATE_RETRY_MS })
  }

  /** Forgets what belongs to a topic that is gone. */
  forget(topicKey: string): void {
    this.#breakers.get(topicKey)?.close()
    this.#breakers.delete(topicKey)
    this.#owed.delete(topicKey)
  }

  /** Ends timers. */
  close(): void {
    this.#stopWatching()
    for (const key of [...this.#breakers.keys()]) this.forget(key)
  }

  async #storeMarked(attempt: StoreAttempt, mark: RetryMark): Promise<readonly EventResult[]> {
    const ids = new Set<string>()
    for (const event of attempt.events) {
      const scanned = scanEvent(event)
      if (scanned.value !== undefined) ids.add(messageId(scanned.value))
    }
    const copies = await this.#copies.find(attempt.topic, mark, ids)
    // It may have become late meanwhile.
    const late = this.refusalOf(attempt)
    if (late !== undefined) throw late
    // Looking took a while; the mark must cover the time until which the event may still be stored.
    const fresh: RetryMark = { ...mark, untilMs: Math.max(mark.untilMs, this.#copies.untilMs()) }
    return this.#write(attempt, { mark: fresh, copies })
  }

  /** Everything up to the writer is synchronous: an attempt that was looked at before is handed over in time. */
  async #write(attempt: StoreAttempt, marked: Marked | undefined): Promise<readonly EventResult[]> {
    const { topic } = attempt
    const begun = performance.now()
    const prepared = this.#prepare(attempt, marked)
    const { requests } = prepared
    if (requests.length > 0) {
      const writer = topic.writer
      const stored = this.#breaker(topic).run(() => this.#asked(topic.key, writer.store(requests, attempt.lane)))
      merge(prepared, await stored)
      this.#options.metrics.storeSeconds.observe((performance.now() - begun) / 1000)
    }
    return this.#finish(attempt, prepared)
  }

  /** Counts an answer that the store owes, until it comes or is given up. */
  async #asked(topicKey: string, storing: Promise<readonly StoreResult[]>): Promise<readonly StoreResult[]> {
    const owed = this.#owed.get(topicKey) ?? { count: 0, sinceMs: performance.now() }
    this.#owed.set(topicKey, owed)
    owed.count += 1
    try {
      const results = await storing
      // What was given up says nothing of the store.
      if (results.some(({ kind }) => kind !== 'failed')) owed.sinceMs = performance.now()
      return results
    } finally {
      owed.count -= 1
      // The topic may be gone meanwhile, and another one of its name be there.
      if (owed.count === 0 && this.#owed.get(topicKey) === owed) this.#owed.delete(topicKey)
    }
  }

  #prepare(attempt: StoreAttempt, marked: Marked | undefined): Prepared {
    const { topic, events, principal } = attempt
    const { region } = this.#options
    const { maxEventBytes, partitions, ordering } = topic.document.spec
    const egress = egressOf(topic.document)
    const stamper = this.#stamper(principal)
    const subjects = this.#subjectsOf(topic)
    const headers = marked === undefined ? NO_HEADERS : markHeaders(marked.mark)
    // Room for what the other regions store with it: what they cannot store would end the replication of the topic.
    const storedBytesMax = this.#options.session.maxPayloadBytes - REPLICATION_HEADERS_MAX
    const prepared: Prepared = { requests: [], indexes: [], results: new Array(events.length), spans: [] }
    for (let index = 0; index < events.length; index += 1) {
      const bytes = events[index] as Uint8Array
      if (bytes.length > maxEventBytes) {
        prepared.results[index] = refused(tooLarge(bytes.length, maxEventBytes))
        continue
      }
      const scanned = scanEvent(bytes)
      if (scanned.error !== undefined) {
        prepared.results[index] = refused(scanned.error)
        continue
      }
      const notHere = egress.isPlain ? undefined : egress.refusal(bytes, region)
      if (notHere !== undefined) {
        prepared.results[index] = refused(notHere)
        continue
      }
      const event = scanned.value
      const id = messageId(event)
      const copy = marked?.copies.get(id)
      if (copy !== undefined) {
        prepared.results[index] = { kind: 'duplicate', sequence: copy }
        continue
      }
      const partition = partitionOf(event, partitions, ordering)
      const extra = this.#trace(prepared, topic, event)
      const payload = stamper.stamp(bytes, extra)
      if (payload.length > storedBytesMax) {
        const result = refused(tooLargeToStore(payload.length, storedBytesMax))
        prepared.results[index] = result
        if (extra !== undefined) prepared.spans.pop()?.(result)
        continue
      }
      prepared.indexes.push(index)
      prepared.requests.push({
        subject: marked === undefined ? (subjects[partition] as string) : `${subjects[partition]}.m`,
        headers,
        payload,
        messageId: id,
      })
    }
    return prepared
  }

  #finish({ topic, events }: StoreAttempt, { results, indexes, spans }: Prepared): readonly EventResult[] {
    const count = { stored: 0, duplicate: 0, failed: 0 }
    let bytes = 0
    for (let index = 0; index < results.length; index += 1) {
      const result = results[index] ?? UNANSWERED
      results[index] = result
      count[result.kind] += 1
      if (result.kind === 'stored') bytes += (events[index] as Uint8Array).length
    }
    for (let index = 0; index < spans.length; index += 1) {
      spans[index]?.(results[indexes[index] as number] ?? UNANSWERED)
    }
    const { metrics } = this.#options
    const label = metrics.topicLabel(topic.key)
    if (count.stored > 0) metrics.published.inc({ topic: label, outcome: 'stored' }, count.stored)
    if (count.duplicate > 0) metrics.published.inc({ topic: label, outcome: 'duplicate' }, count.duplicate)
    if (count.failed > 0) metrics.published.inc({ topic: label, outcome: 'failed' }, count.failed)
    if (bytes > 0) metrics.publishedBytes.inc({ topic: label }, bytes)
    return results as EventResult[]
  }

  #trace(prepared: Prepared, topic: TopicEntry, event: ScannedEvent): Uint8Array | undefined {
    const { tracing } = this.#options
    if (tracing === undefined) return undefined
    const traced = tracing.publish(topic, event)
    prepared.spans.push(traced.end)
    return traced.attributes
  }

  #breaker(topic: TopicEntry): StoreBreaker {
    let breaker = this.#breakers.get(topic.key)
    if (breaker === undefined) {
      breaker = new StoreBreaker(topic.key, this.#options.breaker ?? BREAKER_DEFAULTS, this.#options)
      this.#breakers.set(topic.key, breaker)
    }
    return breaker
  }

  #stamper(principal: Principal): EventStamper {
    let stamper = this.#stampers.get(principal)
    if (stamper === undefined) {
      const { region, clock } = this.#options
      // CloudEvents' auth context extension: callers are services.
      stamper = new EventStamper({ region, clock, authType: 'service_account', authId: principal.subject })
      this.#stampers.set(principal, stamper)
    }
    return stamper
  }

  #subjectsOf(topic: TopicEntry): readonly string[] {
    let subjects = this.#subjects.get(topic)
    if (subjects === undefined) {
      const { name, spec } = topic.document
      subjects = Array.from({ length: spec.partitions }, (_, partition) =>
        eventSubject(name, this.#options.region, partition),
      )
      this.#subjects.set(topic, subjects)
    }
    return subjects
  }
}

type Marked = { readonly mark: RetryMark; readonly copies: ReadonlyMap<string, number> }

const UNANSWERED: EventResult = {
  kind: 'failed',
  error: new MeshError('internal', 'store: no answer for the event', { ambiguous: true }),
}

function merge({ results, indexes }: Prepared, stored: readonly StoreResult[]): void {
  for (let index = 0; index < stored.length; index += 1) results[indexes[index] as number] = stored[index]
}

function markHeaders(mark: RetryMark): string {
  return `NATS/1.0\r\n${HEADER.retryOf}: ${encodeMark(mark)}\r\n\r\n`
}

function refused(error: MeshError): EventResult {
  return { kind: 'failed', error }
}

function tooLarge(bytes: number, bytesMax: number): MeshError {
  return new MeshError('invalid_argument', `event: is ${bytes} bytes, wanted at most ${bytesMax} (the topic's limit)`)
}

function tooLargeToStore(bytes: number, bytesMax: number): MeshError {
  const text = `event: is ${bytes} bytes with what the mesh adds, wanted at most ${bytesMax} (the limit of the region's NATS)`
  return new MeshError('invalid_argument', text)
}
