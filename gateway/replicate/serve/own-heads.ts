import { bornMsOf, MeshError, originFilter, type Position, START } from '@landbridge/core'
import { lastRecord, type NatsSession, type StreamStatus, streamStatus } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { OwnTail, OwnTails } from './own-tails.ts'

/** What the stream of a topic said of itself and of this region's own records, read from its leader. */
export type OwnHead = {
  /** This region's last record of the topic; `START` when there is none. */
  readonly position: Position
  /** Oldest and newest sequence in the stream, whatever the origin. */
  readonly firstSequence: number
  readonly lastSequence: number
  /** Which incarnation of the stream. */
  readonly created: string
  /** No record of this incarnation is older, ms since 1970; undefined when that cannot be told. */
  readonly bornMs: number | undefined
  /** Who led it; undefined for one replica. */
  readonly leader: string | undefined
  readonly replicas: number
  /** Every own record that was stored up to then, by the server's own clock, ms since 1970, is at or before `position`. */
  readonly serverTimeMs: number | undefined
  /** When the reading began, ms since 1970. */
  readonly readMs: number
}

/** Readings younger than this answer several pulls at once. */
const FRESH_MS = 900

/**
 * The heads of this region's topics: one reading a topic serves every pull of every peer.
 * Bounded by the number of topics; a topic nobody asks for costs nothing.
 */
export class OwnHeads {
  readonly #session: NatsSession
  readonly #region: string
  readonly #now: () => number
  readonly #readings = new Map<
    string,
    { readonly epoch: number; readonly startedMs: number; readonly head: Promise<OwnHead> }
  >()
  readonly #tails: OwnTails

  constructor(session: NatsSession, region: string, tails: OwnTails, now: () => number) {
    this.#session = session
    this.#region = region
    this.#tails = tails
    this.#now = now
  }

  /**
   * The head as it was at most `staleMsMax` (default 900 ms) ago.
   * @throws MeshError when the stream cannot be read now.
   */
  read(topic: TopicEntry, staleMsMax: number = FRESH_MS): Promise<OwnHead> {
    const known = this.#readings.get(topic.key)
    const nowMs = this.#now()
    if (known !== undefined && known.epoch === this.#session.epoch && nowMs - known.startedMs < staleMsMax) {
      return known.head
    }
    const head = this.#read(topic, nowMs)
    const reading = { epoch: this.#session.epoch, startedMs: nowMs, head }
    this.#readings.set(topic.key, reading)
    // A failed reading answers only those who wait for it.
    head.catch(() => {
      if (this.#readings.get(topic.key) === reading) this.#readings.delete(topic.key)
    })
    return head
  }

  /** What was seen behind one of our own records when it was the last one, if it ever was. @throws MeshError */
  tailAt(topic: TopicEntry, created: string, position: Position): Promise<OwnTail | undefined> {
    return this.#tails.at(topic, created, position)
  }

  /** Forgets topics that are gone. */
  keepOnly(topicKeys: { has(key: string): boolean }): void {
    for (const key of this.#readings.keys()) if (!topicKeys.has(key)) this.#readings.delete(key)
    this.#tails.keepOnly(topicKeys)
  }

  async #read(topic: TopicEntry, readMs: number): Promise<OwnHead> {
    // The status first: every own record up to its last sequence is seen by the second reading.
    const status = await this.#status(topic)
    const last = await lastRecord(this.#session, topic.stream, originFilter(topic.document.name, this.#region))
    const position = last === undefined ? START : { sequence: last.sequence, stamp: last.stampNs }
    const { created, leader, firstSequence, lastSequence, serverTimeMs, replicas } = status
    if (last !== undefined) {
      await this.#tails.add(topic, status, { position, scanned: Math.max(lastSequence, last.sequence) })
    } else {
      await this.#stretchTail(topic, status)
    }
    const bornMs = bornMsOf(Date.parse(created), status.firstTimeMs)
    return { position, firstSequence, lastSequence, created, bornMs, leader, replicas, serverTimeMs, readMs }
  }

  /** The stream keeps no own record: the last one known is the last one ever if nothing between was removed unseen. */
  async #stretchTail(topic: TopicEntry, seen: StreamStatus): Promise<void> {
    const tail = await this.#tails.last(topic, seen.created)
    if (tail === undefined) return
    const after = await this.#status(topic)
    if (seen.created !== after.created || tail.scanned < after.firstSequence - 1) return
    await this.#tails.add(topic, seen, { ...tail, scanned: Math.max(tail.scanned, seen.lastSequence) })
  }

  async #status(topic: TopicEntry): Promise<StreamStatus> {
    const status = await streamStatus(this.#session, topic.stream)
    if (status !== undefined) return status
    throw new MeshError('unavailable', `read topic ${topic.key}: its stream is not there, wanted ${topic.stream}`)
  }
}
