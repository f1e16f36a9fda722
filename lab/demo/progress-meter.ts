import type { TopicLag } from '@landbridge/client'
import type { RegionProgress } from './progress.ts'
import type { Publisher } from './publisher.ts'
import type { Subscriber } from './subscriber.ts'

type Sample = { readonly atMs: number; readonly published: number; readonly delivered: number }

const rateSpanMs = 1000

/** Turns counters into what the live view shows of one region. */
export class ProgressMeter {
  state: RegionProgress['state'] = 'up'
  /** The region's own report, newest. */
  lag: readonly TopicLag[] = []
  readonly #region: string
  readonly #samples: Sample[] = []

  constructor(region: string) {
    this.#region = region
  }

  progress(publisher: Publisher, subscriber: Subscriber): RegionProgress {
    const now = { atMs: performance.now(), published: publisher.acknowledged.length, delivered: subscriber.delivered }
    this.#samples.push(now)
    while ((this.#samples[1]?.atMs ?? now.atMs) < now.atMs - rateSpanMs) this.#samples.shift()
    const since = this.#samples[0] ?? now
    const seconds = Math.max(0.001, (now.atMs - since.atMs) / 1000)
    // While an origin is down nobody knows what it holds; the lag behind the others is known all the same.
    const known = this.state === 'up' ? this.lag.filter((lag) => lag.known) : []
    return {
      region: this.#region,
      state: this.state,
      published: now.published,
      publishRate: (now.published - since.published) / seconds,
      publishedTo: publisher.publishedTo,
      delivered: now.delivered,
      deliverRate: (now.delivered - since.delivered) / seconds,
      lagEvents: known.length === 0 ? undefined : known.reduce((sum, lag) => sum + lag.events, 0),
      lagSeconds: known.length === 0 ? undefined : Math.max(...known.map((lag) => lag.seconds)),
    }
  }
}
