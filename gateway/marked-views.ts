import { markedFilter, orAborted, streamSubjects, type UnmarkedEvent } from '@landbridge/core'
import { findCopies, IdRoom, type NatsSession, StreamIds } from '@landbridge/nats'
import type { Log } from './telemetry/index.ts'
import type { TopicEntry } from './topics.ts'

/** Searches that follow each other within this time are answered from a set that is kept up to date. */
const FREQUENT_MS = 10_000
/** A set that nobody asked for this long is dropped. */
const IDLE_MS = 60_000
/** How far before the first question such a set begins: later ones may be about somewhat older events. */
const MARGIN_MS = 60_000
/** Ids in such a set: with more than these the stream itself is searched each time. */
const RECENT_MAX = 500_000
/** Topics that have such a set at a time. */
const RECENT_TOPICS_MAX = 4

/** Marked ids that are remembered, over all topics: about 150 MB. What there is no room for is looked for in the stream. */
const MARKED_MAX = 1_000_000

/** What the views of a process share. */
type Shared = {
  readonly session: NatsSession
  readonly log: Log
  readonly recent: Set<MarkedView>
  readonly room: IdRoom
}

/**
 * Where copies of one topic's events are looked for in this region's stream (RULES.md 5), by publishers and appliers
 * alike: the set of marked ids, and how old that view is; and the events stored since a time.
 */
export class MarkedView {
  readonly #shared: Shared
  readonly #topic: TopicEntry
  readonly #ids: StreamIds
  /** Everything stored before this time (`performance.now()`) was seen, over the connection of that epoch. */
  #asOf = Number.NEGATIVE_INFINITY
  #epoch = 0
  /** The set that this age is of: one that was built anew is as old as its own building. */
  #token: object | undefined
  /** The ids of all events since a time, while such searches are frequent. */
  #recent: { readonly ids: StreamIds; readonly fromMs: number } | undefined
  #searchedAt = Number.NEGATIVE_INFINITY
  #tooManyUntil = Number.NEGATIVE_INFINITY
  #idle: NodeJS.Timeout | undefined

  constructor(shared: Shared, topic: TopicEntry) {
    const { session, log, room } = shared
    this.#shared = shared
    this.#topic = topic
    const filter = markedFilter(topic.document.name)
    this.#ids = new StreamIds({ session, stream: topic.stream, filter, room, log })
  }

  /**
   * Resolves when the set has seen everything that was stored before `since` (`performance.now()`).
   * @throws MeshError when the stream's leader cannot be read, or the reason of `signal`
   */
  async see(since: number, signal?: AbortSignal): Promise<void> {
    const { epoch } = this.#shared.session
    const known = this.#token !== undefined && this.#token === this.#ids.token && this.#epoch === epoch
    if (known && this.#asOf >= since) return
    const startedAt = performance.now()
    // Shared by all who ask: who waits no longer leaves it to the others.
    await orAborted(this.#ids.refresh(), signal)
    const { token } = this.#ids
    const same = token === this.#token && this.#epoch === epoch
    this.#asOf = same ? Math.max(this.#asOf, startedAt) : startedAt
    this.#token = token
    this.#epoch = epoch
  }

  /** Whether a marked event with this message id is in the stream. @throws MeshError while the set is built anew. */
  has(messageId: string): boolean {
    return this.#ids.has(messageId)
  }

  /**
   * Whether `has` answers for an unmarked event (see `mayBeCopyOf` in core). If not, its marked copies are looked for by
   * `findMarked`.
   */
  covers(event: UnmarkedEvent): boolean {
    return this.#ids.covers(event)
  }

  /**
   * Which of these ids marked events in the stream have, and where. Reads all marked events, which takes a while; what is
   * stored after the call, the set knows.
   * @throws MeshError, or the reason of `signal`
   */
  findMarked(ids: ReadonlySet<string>, signal?: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const { stream, document } = this.#topic
    const { session } = this.#shared
    const filter = markedFilter(document.name)
    return findCopies({ session, stream, filter, fromMs: 0, ids, ...(signal && { signal }) })
  }

  /** Where that event is; undefined when it is not there. */
  sequenceOf(messageId: string): number | undefined {
    return this.#ids.sequenceOf(messageId)
  }

  /**
   * Which of these ids were stored since then (ms since 1970), and where, up to the leader's end at the time of the call.
   * A search reads the stream, so many of them (an origin's lost events come back) would read it over and over: from the
   * second one on the ids are kept, and only what is new is read.
   * @throws MeshError, or the reason of `signal`
   */
  async copiesSince(
    fromMs: number,
    ids: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const recent = this.#recentSince(fromMs)
    if (recent !== undefined) {
      await orAborted(recent.refresh(), signal)
      if (recent.complete) return pick(recent, ids)
      this.#tooManyUntil = performance.now() + IDLE_MS
      this.forget()
    }
    const { stream } = this.#topic
    const { session } = this.#shared
    return findCopies({ session, stream, filter: this.#wholeStream(), fromMs, ids, ...(signal && { signal }) })
  }

  /** Forgets everything: it is not asked any more. */
  close(): void {
    this.forget()
    this.#ids.close()
  }

  /** Forgets what it need not know. */
  forget(): void {
    clearTimeout(this.#idle)
    this.#recent = undefined
    this.#shared.recent.delete(this)
  }

  #wholeStream(): string {
    const [filter = '>'] = streamSubjects(this.#topic.document.name)
    return filter
  }

  #recentSince(fromMs: number): StreamIds | undefined {
    const { session, log, recent } = this.#shared
    const nowMs = performance.now()
    const frequent = nowMs - this.#searchedAt < FREQUENT_MS
    this.#searchedAt = nowMs
    const hasRoom = recent.has(this) || recent.size < RECENT_TOPICS_MAX
    if (!hasRoom || nowMs < this.#tooManyUntil || (!frequent && this.#recent === undefined)) return undefined
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.forget(), IDLE_MS)
    this.#idle.unref()
    if (this.#recent === undefined || this.#recent.fromMs > fromMs) {
      const { stream } = this.#topic
      const beginMs = Math.max(0, fromMs - MARGIN_MS)
      const options = {
        session,
        stream,
        filter: this.#wholeStream(),
        fromMs: beginMs,
        room: new IdRoom(RECENT_MAX),
        log,
      }
      this.#recent = { ids: new StreamIds(options), fromMs: beginMs }
      recent.add(this)
    }
    return this.#recent.ids
  }
}

/** The views of all topics, made at first use. One a process. */
export class MarkedViews {
  readonly #shared: Shared
  readonly #views = new Map<string, { readonly stream: string; readonly view: MarkedView }>()

  /** @param markedMax marked ids that are remembered, over all topics */
  constructor(session: NatsSession, log: Log, markedMax = MARKED_MAX) {
    this.#shared = { session, log, recent: new Set(), room: new IdRoom(markedMax) }
  }

  /** The view of a topic's stream. */
  of(topic: TopicEntry): MarkedView {
    const known = this.#views.get(topic.key)
    if (known?.stream === topic.stream) return known.view
    known?.view.close()
    const view = new MarkedView(this.#shared, topic)
    this.#views.set(topic.key, { stream: topic.stream, view })
    return view
  }

  /** Forgets topics that are gone or have another stream now. */
  keepOnly(streamOf: (topicKey: string) => string | undefined): void {
    for (const [key, { stream, view }] of this.#views) {
      if (streamOf(key) === stream) continue
      view.close()
      this.#views.delete(key)
    }
  }
}

function pick(known: StreamIds, ids: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const id of ids) {
    const sequence = known.sequenceOf(id)
    if (sequence !== undefined) found.set(id, sequence)
  }
  return found
}
