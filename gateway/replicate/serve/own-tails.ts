import { type Position, parseStamp, samePosition } from '@landbridge/core'
import { KeyValue, type NatsSession, recordAt, type StreamStatus, streamStatus } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'

/**
 * One of this region's records that was its last one for a while, and up to which sequence the stream was seen to hold
 * no later one. Once true it stays true.
 */
export type OwnTail = {
  readonly position: Position
  readonly scanned: number
}

const BUCKET = 'lb-checkpoint'
/** Tails are written at most this often; retention that removes faster than this may show a gap where there is none. */
const SAVE_INTERVAL_MS = 5_000
/** Tails kept of one topic: a receiver was at one of the last ones when it was cut off from a quiet origin. */
const TAILS_MAX = 16

/** Where a stream ended when it was last looked at. */
type StreamEnd = Pick<StreamStatus, 'created' | 'lastSequence' | 'lastTimeMs'>

type Entry = {
  /** The incarnation of the stream that the tails are about. */
  readonly created: string
  /** The session in which they are known to be about the log that is there. */
  epoch: number
  /** Where the stream ended when the newest tail was seen: as long as that record is there, none of them was lost. */
  end: { readonly sequence: number; readonly timeMs: number } | undefined
  /** Oldest first. */
  tails: OwnTail[]
  savedMs: number
  unsaved: boolean
}

/**
 * What was seen of the end of this region's own records, kept beyond the life of a gateway. When retention has removed
 * the records of a quiet origin, nothing in the stream tells that there were no others behind them, and receivers that
 * have them all would be refused for a gap that is none. One small value a topic.
 */
export class OwnTails {
  readonly #session: NatsSession
  readonly #values: KeyValue
  readonly #log: Log
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()

  private constructor(session: NatsSession, values: KeyValue, log: Log, now: () => number) {
    this.#session = session
    this.#values = values
    this.#log = log
    this.#now = now
  }

  static async open(options: {
    readonly session: NatsSession
    readonly replicas: number
    readonly log: Log
    readonly now: () => number
  }): Promise<OwnTails> {
    const { session, replicas, log, now } = options
    return new OwnTails(session, await KeyValue.open(session, BUCKET, replicas), log, now)
  }

  /** Takes note of a tail of that incarnation of the stream; saves it now and then. @throws MeshError */
  async add(topic: TopicEntry, seen: StreamEnd, tail: OwnTail): Promise<void> {
    const entry = await this.#entry(topic, seen.created)
    if (seen.lastTimeMs !== undefined) entry.end = { sequence: seen.lastSequence, timeMs: seen.lastTimeMs }
    const known = entry.tails.find(({ position }) => samePosition(position, tail.position))
    if (known === undefined || known.scanned < tail.scanned) {
      entry.tails = [...entry.tails.filter((other) => other !== known), tail].slice(-TAILS_MAX)
      entry.unsaved = true
    }
    if (!entry.unsaved || this.#now() - entry.savedMs < SAVE_INTERVAL_MS) return
    entry.savedMs = this.#now()
    entry.unsaved = false
    this.#values.put(keyOf(topic), encode(entry)).catch((err: unknown) => {
      this.#log.debug({ err, topic: topic.key }, 'saving the end of our own records failed; the next time follows')
    })
  }

  /** The newest tail of that incarnation; undefined when none is known. @throws MeshError */
  async last(topic: TopicEntry, created: string): Promise<OwnTail | undefined> {
    return (await this.#entry(topic, created)).tails.at(-1)
  }

  /** The tail with this very record; undefined when none is known. @throws MeshError */
  async at(topic: TopicEntry, created: string, position: Position): Promise<OwnTail | undefined> {
    const { tails } = await this.#entry(topic, created)
    return tails.find((tail) => samePosition(tail.position, position))
  }

  /** Forgets topics that are gone. */
  keepOnly(topicKeys: { has(key: string): boolean }): void {
    for (const key of this.#entries.keys()) if (!topicKeys.has(key)) this.#entries.delete(key)
  }

  async #entry(topic: TopicEntry, created: string): Promise<Entry> {
    const { epoch } = this.#session
    const known = this.#entries.get(topic.key)
    if (known?.created === created && known.epoch === epoch) return known
    const entry = known?.created === created ? known : await this.#load(topic, created)
    if (!(await this.#holds(topic, entry))) entry.tails = []
    // Another call may have been faster.
    const now = this.#entries.get(topic.key)
    if (now !== undefined && now !== known && now.created === created && now.epoch === epoch) return now
    entry.epoch = epoch
    this.#entries.set(topic.key, entry)
    return entry
  }

  async #load(topic: TopicEntry, created: string): Promise<Entry> {
    const value = await this.#values.get(keyOf(topic))
    const loaded = value === undefined ? undefined : decode(value.value)
    if (loaded?.created === created) return loaded
    return { created, epoch: 0, end: undefined, tails: [], savedMs: 0, unsaved: false }
  }

  /**
   * Whether the log is still the one that the tails were seen in: a stream that lost its end, and stored other records at
   * the same sequences since, has other tails (found by the simulator). What retention took cannot be compared; then
   * nothing was lost unless everything up to there was stored anew while no gateway looked, and gateways store it all.
   */
  async #holds(topic: TopicEntry, { tails, end, created }: Entry): Promise<boolean> {
    if (tails.length === 0) return true
    if (end === undefined) return false
    const status = await streamStatus(this.#session, topic.stream)
    if (status?.created !== created || status.lastSequence < end.sequence) return false
    if (end.sequence < status.firstSequence) return true
    const record = await recordAt(this.#session, topic.stream, end.sequence)
    return record !== undefined && Number(record.stampNs / 1_000_000n) === end.timeMs
  }
}

function keyOf(topic: TopicEntry): string {
  return `own.${topic.stream}`
}

function encode({ created, tails, end }: Entry): string {
  const shown = tails.map(({ position: { sequence, stamp }, scanned }) => ({ sequence, stamp: String(stamp), scanned }))
  return JSON.stringify({ version: 1, created, tails: shown, end })
}

function decode(text: string): Entry | undefined {
  try {
    const { version, created, tails, end }: Record<string, unknown> = JSON.parse(text)
    if (version !== 1 || typeof created !== 'string' || !Array.isArray(tails)) return undefined
    const read = { created, tails: tails.slice(-TAILS_MAX).flatMap(decodeTail), end: decodeEnd(end) }
    return { ...read, epoch: 0, savedMs: 0, unsaved: false }
  } catch {
    return undefined
  }
}

function decodeEnd(end: unknown): Entry['end'] {
  if (typeof end !== 'object' || end === null || !('sequence' in end) || !('timeMs' in end)) return undefined
  const { sequence, timeMs } = end
  return typeof sequence === 'number' && typeof timeMs === 'number' ? { sequence, timeMs } : undefined
}

function decodeTail({ sequence, stamp, scanned }: Record<string, unknown>): OwnTail[] {
  const value = typeof stamp === 'string' ? parseStamp(stamp) : undefined
  const numbers = typeof sequence === 'number' && typeof scanned === 'number'
  if (!numbers || value === undefined || !Number.isSafeInteger(sequence) || !Number.isSafeInteger(scanned)) return []
  return [{ position: { sequence, stamp: value }, scanned }]
}
