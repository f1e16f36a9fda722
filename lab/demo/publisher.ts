import { setTimeout as sleep } from 'node:timers/promises'
import type { Mesh } from '@landbridge/client'
import type { AcknowledgedEvent } from '../audit.ts'
import type { WebhookEvent } from './webhooks.ts'

export type PublisherOptions = {
  readonly mesh: Mesh
  /** The region in which the service lives. */
  readonly region: string
  readonly events: readonly WebhookEvent[]
  /** Events per second over all topics. */
  readonly rate: number
  readonly signal: AbortSignal
}

const tickMs = 20

/**
 * A service that publishes webhooks at a steady rate, one lane a topic: a lane sends its next events only after the
 * ones before are acknowledged, which is how a service keeps its own order. While a lane waits, its events queue up
 * (at most the ones of the whole run) and are sent as soon as it can.
 */
export class Publisher {
  readonly acknowledged: AcknowledgedEvent[] = []
  /** The longest that a lane waited for the acknowledgement of what it had sent, retries included, in ms. */
  publishGapMs = 0
  /** The region that stored the last event. */
  publishedTo: string
  /** The first error that the client could not hide; the demo fails on it. */
  failure: Error | undefined
  readonly #options: PublisherOptions
  readonly #counters = new Map<string, number>()

  constructor(options: PublisherOptions) {
    this.#options = options
    this.publishedTo = options.region
  }

  /** Publishes until the signal aborts, then waits for what is under way. */
  async run(): Promise<void> {
    const { events, rate, signal } = this.#options
    const lanes = new Map<string, Lane>()
    for (const topic of new Set(events.map((event) => event.topic))) lanes.set(topic, { queue: [], wake: () => {} })
    const stop = new AbortController()
    const sending = [...lanes].map(([topic, lane]) => this.#sendLane(topic, lane, stop.signal))
    const started = performance.now()
    for (let produced = 0; !signal.aborted; ) {
      const due = Math.floor(((performance.now() - started) / 1000) * rate)
      for (; produced < due; produced++) {
        const event = events[produced % events.length]
        const lane = event && lanes.get(event.topic)
        if (!event || !lane) continue
        lane.queue.push(event)
        lane.wake()
      }
      await sleep(tickMs, undefined, { signal }).catch(() => {})
    }
    stop.abort()
    for (const lane of lanes.values()) lane.wake()
    await Promise.all(sending)
  }

  async #sendLane(topic: string, lane: Lane, stopped: AbortSignal): Promise<void> {
    for (;;) {
      if (lane.queue.length === 0) {
        if (stopped.aborted) return
        const woken = Promise.withResolvers<void>()
        lane.wake = woken.resolve
        await woken.promise
        continue
      }
      const batch = lane.queue.splice(0, 100)
      const started = performance.now()
      try {
        await this.#send(topic, batch)
      } catch (cause) {
        this.failure ??= cause instanceof Error ? cause : new Error(String(cause))
        return
      }
      this.publishGapMs = Math.max(this.publishGapMs, performance.now() - started)
    }
  }

  async #send(topic: string, batch: readonly WebhookEvent[]): Promise<void> {
    const { mesh, region } = this.#options
    const source = `https://github.com/webhooks/${region}`
    const events = batch.map((event) => {
      const counter = (this.#counters.get(`${topic} ${event.partitionKey}`) ?? 0) + 1
      this.#counters.set(`${topic} ${event.partitionKey}`, counter)
      return {
        source,
        id: crypto.randomUUID(),
        type: event.type,
        ...(event.subject === undefined ? {} : { subject: event.subject }),
        partitionKey: event.partitionKey,
        data: event.data,
        // The sequence extension of CloudEvents: the audit reads it back from every region's stream.
        extensions: { sequence: String(counter) },
      }
    })
    const receipts = await mesh.publish(topic, events)
    this.publishedTo = receipts.at(-1)?.region ?? this.publishedTo
    for (const { id } of events) this.acknowledged.push({ topic, identity: `${source} ${id}` })
  }
}

type Lane = { readonly queue: WebhookEvent[]; wake: () => void }
