import { type Position, parseStamp, samePosition } from '@landbridge/core'
import { KeyValue, type NatsSession } from '@landbridge/nats'
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

type Entry = {
  /** The incarnation of the stream that the tails are about. */
  readonly created: string
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
  readonly #values: KeyValue
  readonly #log: Log
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()

  private constructor(values: KeyValue, log: Log, now: () => number) {
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
    return new OwnTails(await KeyValue.open(options.session, BUCKET, options.replicas), options.log, options.now)
  }

  /** Takes note of a tail of that incarnation of the stream; saves it now and then. @throws MeshError */
  async add(topic: TopicEntry, created: string, tail: OwnTail): Promise<void> {
    const entry = await this.#entry(topic, created)
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
    const known = this.#entries.get(topic.key)
    if (known?.created === created) return known
    const value = await this.#values.get(keyOf(topic))
    const loaded = value === undefined ? undefined : decode(value.value)
    // Another call may have been faster.
    const now = this.#entries.get(topic.key)
    if (now?.created === created) return now
    const entry = loaded?.created === created ? loaded : { created, tails: [], savedMs: 0, unsaved: false }
    this.#entries.set(topic.key, entry)
    return entry
  }
}

function keyOf(topic: TopicEntry): string {
  return `own.${topic.stream}`
}

function encode({ created, tails }: Entry): string {
  const shown = tails.map(({ position: { sequence, stamp }, scanned }) => ({ sequence, stamp: String(stamp), scanned }))
  return JSON.stringify({ version: 1, created, tails: shown })
}

function decode(text: string): Entry | undefined {
  try {
    const { version, created, tails }: Record<string, unknown> = JSON.parse(text)
    if (version !== 1 || typeof created !== 'string' || !Array.isArray(tails)) return undefined
    return { created, tails: tails.slice(-TAILS_MAX).flatMap(decodeTail), savedMs: 0, unsaved: false }
  } catch {
    return undefined
  }
}

function decodeTail({ sequence, stamp, scanned }: Record<string, unknown>): OwnTail[] {
  const value = typeof stamp === 'string' ? parseStamp(stamp) : undefined
  const numbers = typeof sequence === 'number' && typeof scanned === 'number'
  if (!numbers || value === undefined || !Number.isSafeInteger(sequence) || !Number.isSafeInteger(scanned)) return []
  return [{ position: { sequence, stamp: value }, scanned }]
}
