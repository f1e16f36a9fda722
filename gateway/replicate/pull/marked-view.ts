import { markedFilter } from '@landbridge/core'
import { MarkedIds, type NatsSession } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'

/** The set of marked ids of one topic, shared by its pulls, and how old the view is. */
export class MarkedView {
  readonly #ids: MarkedIds
  readonly #session: NatsSession
  /** Everything stored before this time (`performance.now()`) was seen, over the connection of that epoch. */
  #asOf = Number.NEGATIVE_INFINITY
  #epoch = 0
  /** The set that this age is of: one that was built anew is as old as its own building. */
  #token: object | undefined

  constructor(session: NatsSession, topic: TopicEntry, log: Log) {
    this.#ids = new MarkedIds({ session, stream: topic.stream, filter: markedFilter(topic.document.name), log })
    this.#session = session
  }

  /**
   * Resolves when the set has seen everything that was stored before `since` (`performance.now()`).
   * @throws MeshError when the stream's leader cannot be read.
   */
  async see(since: number): Promise<void> {
    const { epoch } = this.#session
    const known = this.#token !== undefined && this.#token === this.#ids.token && this.#epoch === epoch
    if (known && this.#asOf >= since) return
    const startedAt = performance.now()
    await this.#ids.refresh()
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
}

/** The marked views of all topics, made at first use. */
export class MarkedViews {
  readonly #session: NatsSession
  readonly #log: Log
  readonly #views = new Map<string, { readonly stream: string; readonly view: MarkedView }>()

  constructor(session: NatsSession, log: Log) {
    this.#session = session
    this.#log = log
  }

  /** The view of a topic's stream. */
  of(topic: TopicEntry): MarkedView {
    const known = this.#views.get(topic.key)
    if (known?.stream === topic.stream) return known.view
    const view = new MarkedView(this.#session, topic, this.#log)
    this.#views.set(topic.key, { stream: topic.stream, view })
    return view
  }

  /** Forgets topics that are gone or have another stream now. */
  keepOnly(streamOf: (topicKey: string) => string | undefined): void {
    for (const [key, { stream }] of this.#views) if (streamOf(key) !== stream) this.#views.delete(key)
  }
}
