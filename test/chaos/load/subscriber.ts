import type { Mesh } from '@landbridge/client'
import type { History } from '../history/history.ts'

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
  /** Why it ended before it was told to. */
  failure: string | undefined
  readonly region: number
  readonly #options: SubscriberOptions

  constructor(options: SubscriberOptions) {
    this.region = options.region
    this.#options = options
  }

  /** Reads until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { mesh, topic, history, region, now } = this.#options
    try {
      for await (const { event } of mesh.subscribe(topic, { from: 'earliest', signal })) {
        const publisher = history.publisherOf(event.source)
        const number = Number(event.id)
        this.delivered++
        if (publisher === undefined) continue
        if (history.publishers[publisher]?.seen(number, region, now()) === false) this.repeated++
      }
    } catch (thrown) {
      if (!signal.aborted) this.failure ??= thrown instanceof Error ? thrown.message : String(thrown)
    }
  }
}
