import { originFilter, type Position, START, samePosition } from '@landbridge/core'
import { lastRecord, type NatsSession, streamStatus } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicEntry, TopicRegistry } from '../../topics.ts'
import { relayEntry } from './relay-log.ts'
import type { HoldingReport } from './responses.ts'

/** Changes are looked for this often while anybody watches; less often when looking takes long. */
const LOOK_MS = 250
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

type Known = { readonly report: HoldingReport; readonly round: number }

/**
 * Tells how far this region holds other origins. One look serves everybody who watches: one request a topic, and one
 * more an origin for topics whose streams grew. Nobody watches: nothing is asked, and nothing is kept.
 */
export class HoldingsFeed {
  readonly #session: NatsSession
  readonly #registry: Pick<TopicRegistry, 'entries'>
  readonly #log: Log
  readonly #watchers = new Map<HoldingsWatcher, number>()
  /** By "<topic> <origin>". */
  readonly #known = new Map<string, Known>()
  /** Last sequences of streams as of the last look, by topic. */
  readonly #ends = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #round = 0

  constructor(session: NatsSession, registry: Pick<TopicRegistry, 'entries'>, log: Log) {
    this.#session = session
    this.#registry = registry
    this.#log = log
  }

  /** Begins to tell; returns what ends it. */
  watch(watcher: HoldingsWatcher): () => void {
    this.#watchers.set(watcher, 0)
    // New origins may have been asked for: all streams are looked at again.
    this.#ends.clear()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), 0)
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size > 0) return
      clearTimeout(this.#timer)
      this.#known.clear()
      this.#ends.clear()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#watchers.clear()
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#watchers.size === 0) return
    this.#looking = true
    const startedAt = performance.now()
    this.#round += 1
    const origins = new Set([...this.#watchers.keys()].flatMap((watcher) => [...watcher.origins]))
    await eachOf([...this.#registry.entries()], (topic) => this.#lookAt(topic, origins))
    this.#tell()
    this.#looking = false
    if (this.#watchers.size === 0) return
    const took = performance.now() - startedAt
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), Math.max(LOOK_MS, REST_FACTOR * took))
  }

  async #lookAt(topic: TopicEntry, origins: ReadonlySet<string>): Promise<void> {
    try {
      const status = await streamStatus(this.#session, topic.stream)
      if (status === undefined) return
      const end = `${status.created} ${status.lastSequence} ${status.firstSequence}`
      if (this.#ends.get(topic.key) === end) return
      for (const origin of origins) await this.#lookAtOrigin(topic, origin)
      this.#ends.set(topic.key, end)
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

  #tell(): void {
    for (const [watcher, toldRound] of this.#watchers) {
      const news: HoldingReport[] = []
      for (const { report, round } of this.#known.values()) {
        if (round > toldRound && watcher.origins.has(report.origin) && watcher.covers(report.topic)) news.push(report)
      }
      const isFirst = toldRound === 0
      this.#watchers.set(watcher, this.#round)
      if (isFirst || news.length > 0) watcher.onHoldings(news)
    }
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
