import { originFilter, type Position, START, samePosition } from '@landbridge/core'
import { lastRecord, type NatsSession, streamStatus } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicEntry, TopicRegistry } from '../../topics.ts'
import { relayEntry } from './relay-log.ts'
import type { HoldingReport } from './responses.ts'

/** Changes are looked for this often while anybody watches: in quiet topics, and when looking takes long, less often. */
const LOOK_MS = { min: 250, max: 4_000 } as const
/** Share of the time that may go into looking: 1 of so many. */
const REST_FACTOR = 4
/** Streams and origins that are asked for at a time. */
const REQUESTS_MAX = 16

/** Who wants to know. */
export type HoldingsWatcher = {
  readonly origins: ReadonlySet<string>
  /** Whether the watcher may hear of a topic. */
  covers(topicKey: string): boolean
  /** What changed; the first time, all there is. */
  onHoldings(reports: readonly HoldingReport[]): void
}

/** What a stream was like when it was looked at, and when to look again. */
type Look = { readonly end: string; readonly waitMs: number; readonly dueMs: number }

type Known = { readonly report: HoldingReport; readonly round: number }

/**
 * Tells how far this region holds other origins. One look serves everybody who watches: one request a topic, and one
 * more an origin for topics whose streams grew. Nobody watches: nothing is asked, and nothing is kept.
 */
export class HoldingsFeed {
  readonly #session: NatsSession
  readonly #registry: Pick<TopicRegistry, 'entries'>
  readonly #log: Log
  /** With the round that each was told last; 0: nothing yet. */
  readonly #watchers = new Map<HoldingsWatcher, number>()
  /** By "<topic> <origin>". */
  readonly #known = new Map<string, Known>()
  /** By topic. */
  readonly #looks = new Map<string, Look>()
  #timer: NodeJS.Timeout | undefined
  #looking = false
  /** Somebody began to watch since the last look. */
  #isNew = false
  #round = 0

  constructor(session: NatsSession, registry: Pick<TopicRegistry, 'entries'>, log: Log) {
    this.#session = session
    this.#registry = registry
    this.#log = log
  }

  /** Begins to tell; returns what ends it. */
  watch(watcher: HoldingsWatcher): () => void {
    this.#watchers.set(watcher, 0)
    this.#isNew = true
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), 0)
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#forget()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#watchers.clear()
  }

  #forget(): void {
    clearTimeout(this.#timer)
    this.#known.clear()
    this.#looks.clear()
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#watchers.size === 0) return
    this.#looking = true
    const startedAt = performance.now()
    this.#round += 1
    const watchers = [...this.#watchers.keys()]
    const origins = new Set(watchers.flatMap((watcher) => [...watcher.origins]))
    // New origins may have been asked for: then all streams are looked at again.
    if (this.#isNew) this.#looks.clear()
    this.#isNew = false
    await eachOf(this.#dueTopics(startedAt), (topic) => this.#lookAt(topic, origins))
    this.#looking = false
    for (const watcher of watchers) this.#tell(watcher)
    clearTimeout(this.#timer)
    if (this.#watchers.size === 0) return this.#forget()
    const waitMs = this.#isNew ? 0 : Math.max(LOOK_MS.min, REST_FACTOR * (performance.now() - startedAt))
    this.#timer = setTimeout(() => void this.#look(), waitMs)
  }

  /** The topics to look at now; what is known of those that are gone is forgotten. */
  #dueTopics(nowMs: number): readonly TopicEntry[] {
    const topics = new Map([...this.#registry.entries()].map((topic) => [topic.key, topic]))
    for (const key of this.#looks.keys()) if (!topics.has(key)) this.#looks.delete(key)
    for (const [key, { report }] of this.#known) if (!topics.has(report.topic)) this.#known.delete(key)
    return [...topics.values()].filter(({ key }) => (this.#looks.get(key)?.dueMs ?? 0) <= nowMs)
  }

  async #lookAt(topic: TopicEntry, origins: ReadonlySet<string>): Promise<void> {
    try {
      const status = await streamStatus(this.#session, topic.stream)
      if (status === undefined) return
      const end = `${status.created} ${status.lastSequence} ${status.firstSequence}`
      const before = this.#looks.get(topic.key)
      const isQuiet = before?.end === end
      if (!isQuiet) for (const origin of origins) await this.#lookAtOrigin(topic, origin)
      const waitMs = isQuiet ? Math.min(2 * before.waitMs, LOOK_MS.max) : LOOK_MS.min
      this.#looks.set(topic.key, { end, waitMs, dueMs: performance.now() + waitMs - LOOK_MS.min / 2 })
    } catch (err) {
      // Nothing is told of what cannot be read; the next look follows.
      this.#log.debug({ err, topic: topic.key }, 'looking how far a topic is held failed')
    }
  }

  async #lookAtOrigin(topic: TopicEntry, origin: string): Promise<void> {
    const message = await lastRecord(this.#session, topic.stream, originFilter(topic.document.name, origin))
    const last = message === undefined ? undefined : relayEntry(message)
    const report: HoldingReport = {
      topic: topic.key,
      origin,
      position: last?.position ?? START,
      repairing: last?.control === 'branch',
    }
    const key = `${topic.key} ${origin}`
    const known = this.#known.get(key)?.report
    if (known !== undefined && sameHolding(known, report)) return
    this.#known.set(key, { report, round: this.#round })
  }

  #tell(watcher: HoldingsWatcher): void {
    const toldRound = this.#watchers.get(watcher)
    if (toldRound === undefined) return
    this.#watchers.set(watcher, this.#round)
    const news: HoldingReport[] = []
    for (const { report, round } of this.#known.values()) {
      if (round > toldRound && watcher.origins.has(report.origin) && watcher.covers(report.topic)) news.push(report)
    }
    if (toldRound === 0 || news.length > 0) watcher.onHoldings(news)
  }
}

function sameHolding(left: { position: Position; repairing: boolean }, right: HoldingReport): boolean {
  return left.repairing === right.repairing && samePosition(left.position, right.position)
}

/** Runs `work` for each item, a few at a time. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(REQUESTS_MAX, items.length) }, worker))
}
