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

  /** @param down regions that are down: nobody knows what they hold, and the lag behind the others counts all the same */
  progress(
    publisher: Pick<Publisher, 'acknowledged' | 'publishedTo'>,
    subscriber: Pick<Subscriber, 'delivered'>,
    down: ReadonlySet<string>,
  ): RegionProgress {
    const now = { atMs: performance.now(), published: publisher.acknowledged.length, delivered: subscriber.delivered }
    this.#samples.push(now)
    while ((this.#samples[1]?.atMs ?? now.atMs) < now.atMs - rateSpanMs) this.#samples.shift()
    const since = this.#samples[0] ?? now
    const seconds = Math.max(0.001, (now.atMs - since.atMs) / 1000)
    const counted = this.state === 'up' ? this.lag.filter((lag) => !down.has(lag.origin)) : []
    // A sum over some of them would be too low: a region that came back has not heard from all of them yet.
    const isKnown = counted.length > 0 && counted.every((lag) => lag.known)
    return {
      region: this.#region,
      state: this.state,
      published: now.published,
      publishRate: (now.published - since.published) / seconds,
      publishedTo: publisher.publishedTo,
      delivered: now.delivered,
      deliverRate: (now.delivered - since.delivered) / seconds,
      lagEvents: isKnown ? counted.reduce((sum, lag) => sum + lag.events, 0) : undefined,
      lagSeconds: isKnown ? Math.max(...counted.map((lag) => lag.seconds)) : undefined,
    }
  }
}
