import { MeshError, type Position, type TopicRetention } from '@landbridge/core'
import { type NatsSession, streamStatus } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { OwnHeads } from './own-heads.ts'

/** Clocks of the gateway and the server may differ, and retention works in rounds. */
const AGE_MARGIN_MS = 30_000

/**
 * Notices when retention overtook a reader: between two records that it read there may have been others, removed before
 * it came there. Sequences alone do not tell, because other origins' records lie between an origin's own.
 */
export class RetentionWatch {
  readonly #session: NatsSession
  readonly #topic: TopicEntry
  readonly #retention: TopicRetention
  readonly #heads: OwnHeads
  readonly #now: () => number
  /** The first record behind which something may be missing. */
  #doubt: Position | undefined

  constructor(options: {
    readonly session: NatsSession
    readonly topic: TopicEntry
    readonly retention: TopicRetention
    readonly heads: OwnHeads
    readonly now: () => number
  }) {
    this.#session = options.session
    this.#topic = options.topic
    this.#retention = options.retention
    this.#heads = options.heads
    this.#now = options.now
  }

  /** True when `settle` must be asked before the records read so far are sent. */
  get inDoubt(): boolean {
    return this.#doubt !== undefined
  }

  /** `next` was read right behind `prev`. Costs nothing unless a limit can have removed what was between. */
  follow(prev: Position, next: Position): void {
    if (this.#doubt !== undefined || prev.sequence === 0 || next.sequence === prev.sequence + 1) return
    const { ageMs, bytes, events } = this.#retention
    if (bytes === undefined && events === undefined) {
      if (ageMs === undefined) return
      // Whatever was between is younger than `prev`.
      const ageOfPrevMs = this.#now() - Number(prev.stamp / 1_000_000n)
      if (ageOfPrevMs + AGE_MARGIN_MS < ageMs) return
    }
    this.#doubt = prev
  }

  /**
   * Asks the stream. Undefined: nothing is missing; otherwise the oldest sequence that is still kept.
   * @throws MeshError when the stream cannot be read.
   */
  async settle(): Promise<number | undefined> {
    const doubt = this.#doubt
    if (doubt === undefined) return undefined
    // What is read while we wait is judged by the next question.
    this.#doubt = undefined
    const status = await streamStatus(this.#session, this.#topic.stream)
    if (status === undefined)
      throw new MeshError('unavailable', `read topic ${this.#topic.key}: its stream is not there`)
    // What is kept right behind the record was kept when the reader passed it.
    if (status.firstSequence <= doubt.sequence + 1) return undefined
    const tail = await this.#heads.tailAt(this.#topic, status.created, doubt)
    return tail !== undefined && tail.scanned >= status.firstSequence - 1 ? undefined : status.firstSequence
  }
}
