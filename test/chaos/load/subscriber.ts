import { setTimeout as sleep } from 'node:timers/promises'
import type { Mesh } from '@landbridge/client'
import type { History } from '../history/history.ts'

const PAUSE_MS = 500
const ENDS_MAX = 20

export type SubscriberOptions = {
  readonly history: History
  /** Place of the region whose gateways alone it reads from. */
  readonly region: number
  readonly topic: string
  readonly mesh: Mesh
  /** Milliseconds since the run began. */
  readonly now: () => number
}

/** A reader in one region that is shown every event, and remembers what it saw. */
export class Subscriber {
  delivered = 0
  /** Events that it was shown before. */
  repeated = 0
  /** Why subscriptions ended before they were told to: the first few. */
  readonly ends: string[] = []
  readonly region: number
  readonly topic: string
  readonly #options: SubscriberOptions

  constructor(options: SubscriberOptions) {
    this.region = options.region
    this.topic = options.topic
    this.#options = options
  }

  /** Reads until the signal aborts; begins anew, with the oldest event, when a subscription ends. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal)
      } catch (thrown) {
        if (signal.aborted) return
        if (this.ends.length < ENDS_MAX) this.ends.push(thrown instanceof Error ? thrown.message : String(thrown))
        await sleep(PAUSE_MS, undefined, { signal }).catch(() => {})
      }
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { mesh, topic, history, region, now } = this.#options
    for await (const { event } of mesh.subscribe(topic, { from: 'earliest', signal })) {
      const publisher = history.publisherOf(event.source)
      this.delivered++
      if (publisher === undefined) continue
      if (history.publishers[publisher]?.seen(Number(event.id), region, now()) === false) this.repeated++
    }
  }
}
