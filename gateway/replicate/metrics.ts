import type { LagRow, PeerStatus, StopReason } from '@landbridge/core'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../telemetry/index.ts'

/** What the gauges are read from at each scrape. */
export type ReplicationReadings = {
  peers(): readonly PeerStatus[]
  lag(): readonly LagRow[]
  /** Pulls that stand still until somebody acts. */
  stopped(): readonly {
    readonly topic: string
    readonly origin: string
    readonly reason: StopReason
  }[]
  /** Pulls of this gateway, by the region that each gets its records from now; empty: from none. */
  upstreams?(): readonly (string | undefined)[]
  /** Gateways of this region, as this one sees them. */
  gateways?(): number
}

/** Metrics of replication. Labels: topics by `Metrics.topicLabel`, regions by their RegionPeer documents. */
export class ReplicationMetrics {
  readonly applied: Counter<'topic' | 'origin'>
  /** `by`: "check" (the copy check found it) or "server" (the server knew the message id). */
  readonly skipped: Counter<'topic' | 'origin' | 'by'>
  readonly runsEnded: Counter<'origin' | 'reason'>
  readonly applySeconds: Histogram<'origin'>
  readonly served: Counter<'topic' | 'peer'>
  /** `by`: why an event stays here, as `Egress.leave` says. */
  readonly held: Counter<'topic' | 'peer' | 'by'>
  readonly servedPulls: Gauge<'peer'>
  readonly refused: Counter<'peer' | 'reason'>
  /** Origins that were found to have lost records that are here. */
  readonly divergences: Counter<'topic' | 'origin'>
  readonly givenBack: Counter<'topic' | 'origin'>
  readonly gaps: Counter<'topic' | 'origin'>
  readonly #metrics: Metrics

  constructor(metrics: Metrics) {
    const registers = [metrics.registry]
    this.#metrics = metrics
    this.applied = new Counter({
      name: 'landbridge_replication_applied_events_total',
      help: 'Events of other regions that were stored here',
      labelNames: ['topic', 'origin'],
      registers,
    })
    this.skipped = new Counter({
      name: 'landbridge_replication_skipped_events_total',
      help: 'Events of other regions that were here already, by who noticed',
      labelNames: ['topic', 'origin', 'by'],
      registers,
    })
    this.runsEnded = new Counter({
      name: 'landbridge_replication_runs_ended_total',
      help: 'Runs of pulls by why they ended; each starts again from the data',
      labelNames: ['origin', 'reason'],
      registers,
    })
    this.applySeconds = new Histogram({
      name: 'landbridge_replication_apply_seconds',
      help: 'Time to check and store one batch of another region',
      labelNames: ['origin'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    })
    this.served = new Counter({
      name: 'landbridge_replication_served_events_total',
      help: 'Events sent to other regions',
      labelNames: ['topic', 'peer'],
      registers,
    })
    this.held = new Counter({
      name: 'landbridge_replication_held_events_total',
      help: 'Events that were not sent to a region: by their classification, by the filter, or because a filter or mask could not read them',
      labelNames: ['topic', 'peer', 'by'],
      registers,
    })
    this.servedPulls = new Gauge({
      name: 'landbridge_replication_served_pulls',
      help: 'Pulls of other regions that are open here',
      labelNames: ['peer'],
      registers,
    })
    this.refused = new Counter({
      name: 'landbridge_replication_refused_total',
      help: 'Pulls of other regions that were refused, by reason',
      labelNames: ['peer', 'reason'],
      registers,
    })
    const labelNames = ['topic', 'origin'] as const
    this.divergences = new Counter({
      name: 'landbridge_replication_divergences_total',
      help: 'Times that an origin was found to have lost records that this region has: it repairs that by itself',
      labelNames,
      registers,
    })
    this.givenBack = new Counter({
      name: 'landbridge_replication_given_back_events_total',
      help: 'Events that an origin lost, and that this region gave back',
      labelNames,
      registers,
    })
    this.gaps = new Counter({
      name: 'landbridge_replication_retention_gaps_total',
      help: 'Retention gaps that were written down: events of an origin that no reachable region kept any more',
      labelNames,
      registers,
    })
  }

  /** The bounded label of a topic. */
  topicLabel(topicKey: string): string {
    return this.#metrics.topicLabel(topicKey)
  }

  /** Adds gauges that are read at each scrape. Once. */
  follow(readings: ReplicationReadings): void {
    const registers = [this.#metrics.registry]
    const topicLabel = (topicKey: string) => this.topicLabel(topicKey)
    this.#followLag(readings)
    new Gauge({
      name: 'landbridge_replication_link_up',
      help: '1 while the link to a region carries something',
      labelNames: ['peer'],
      registers,
      collect() {
        this.reset()
        for (const peer of readings.peers()) this.set({ peer: peer.region }, peer.state === 'connected' ? 1 : 0)
      },
    })
    new Gauge({
      name: 'landbridge_region_clock_ahead_seconds',
      help: "How far another region's clock is ahead of this one's; beyond 4 s, copies of retried events may be missed",
      labelNames: ['peer'],
      registers,
      collect() {
        this.reset()
        for (const { region, clockAheadMs } of readings.peers()) {
          if (clockAheadMs !== undefined) this.set({ peer: region }, clockAheadMs / 1_000)
        }
      },
    })
    new Gauge({
      name: 'landbridge_replication_stopped',
      help: '1 for a pull that cannot go on: the logs differ, the origin no longer keeps it, or it cannot be stored here',
      labelNames: ['topic', 'origin', 'reason'],
      registers,
      collect() {
        this.reset()
        for (const { topic, origin, reason } of readings.stopped()) {
          this.set({ topic: topicLabel(topic), origin, reason }, 1)
        }
      },
    })
    this.#followShare(readings)
  }

  #followShare({ upstreams, gateways }: ReplicationReadings): void {
    const registers = [this.#metrics.registry]
    new Gauge({
      name: 'landbridge_replication_pulls',
      help: 'Pulls that are the share of this gateway, by the region that serves them now ("none" while nobody does)',
      labelNames: ['upstream'],
      registers,
      collect() {
        this.reset()
        for (const upstream of upstreams?.() ?? []) this.inc({ upstream: upstream ?? 'none' })
      },
    })
    new Gauge({
      name: 'landbridge_region_gateways',
      help: 'Gateways of this region that are alive, as this one sees them; 0 while it does not know',
      registers,
      collect() {
        this.set(gateways?.() ?? 0)
      },
    })
  }

  #followLag({ lag }: ReplicationReadings): void {
    const registers = [this.#metrics.registry]
    const topicLabel = (topicKey: string) => this.topicLabel(topicKey)
    // Topics without a series of their own share one: it shows the worst of them.
    const gauge = (name: string, help: string, worst: Worst, value: (row: LagRow) => number | undefined) =>
      new Gauge({
        name,
        help,
        labelNames: ['topic', 'origin'],
        registers,
        collect() {
          this.reset()
          for (const { labels, value: shown } of worstOf(lag(), topicLabel, worst, value)) this.set(labels, shown)
        },
      })
    gauge(
      'landbridge_replication_lag_events',
      'Events that an origin holds and this region does not yet, as last known',
      Math.max,
      (row) => row.events,
    )
    gauge('landbridge_replication_lag_seconds', 'Age of the oldest such event', Math.max, (row) => row.seconds)
    gauge(
      'landbridge_replication_lag_unknown',
      '1 while an origin was not heard for 3 s, so that nobody knows the lag',
      Math.max,
      (row) => (row.known ? 0 : 1),
    )
    gauge(
      'landbridge_replication_watermark_seconds',
      'Every event that an origin stored up to this time, seconds since 1970 by its clock, is in this region',
      Math.min,
      (row) => seconds(row.watermarkMs),
    )
    new Gauge({
      name: 'landbridge_topic_watermark_seconds',
      help: 'The earliest watermark of the origins of a topic that this gateway pulls, seconds since 1970; none while one is not known. The least over all gateways of a region counts',
      labelNames: ['topic'],
      registers,
      collect() {
        this.reset()
        for (const [topic, watermark] of topicWatermarks(lag(), topicLabel)) this.set({ topic }, watermark)
      },
    })
  }
}

type Worst = (a: number, b: number) => number

function* worstOf(
  rows: readonly LagRow[],
  topicLabel: (topicKey: string) => string,
  worst: Worst,
  readingOf: (row: LagRow) => number | undefined,
): Generator<{ readonly labels: { readonly topic: string; readonly origin: string }; readonly value: number }> {
  const series = new Map<string, { readonly labels: { topic: string; origin: string }; readonly value: number }>()
  for (const row of rows) {
    const value = readingOf(row)
    if (value === undefined) continue
    const labels = { topic: topicLabel(row.topic), origin: row.origin }
    const key = `${labels.topic} ${labels.origin}`
    series.set(key, { labels, value: worst(series.get(key)?.value ?? value, value) })
  }
  yield* series.values()
}

function topicWatermarks(
  rows: readonly LagRow[],
  topicLabel: (topicKey: string) => string,
): ReadonlyMap<string, number> {
  const earliest = new Map<string, number>()
  const unknown = new Set<string>()
  for (const { topic, watermarkMs } of rows) {
    const label = topicLabel(topic)
    if (watermarkMs === undefined) unknown.add(label)
    else earliest.set(label, Math.min(earliest.get(label) ?? Number.POSITIVE_INFINITY, watermarkMs / 1_000))
  }
  for (const label of unknown) earliest.delete(label)
  return earliest
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000
}
