import { Counter, Gauge, Histogram } from 'prom-client'
import type { Metrics } from '../telemetry/index.ts'
import type { LagRow, PeerStatus, StopReason } from './status.ts'

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
  }

  /** The bounded label of a topic. */
  topicLabel(topicKey: string): string {
    return this.#metrics.topicLabel(topicKey)
  }

  /** Adds gauges that are read at each scrape. Once. */
  follow(readings: ReplicationReadings): void {
    const registers = [this.#metrics.registry]
    const topicLabel = (topicKey: string) => this.topicLabel(topicKey)
    const lagGauge = (name: string, help: string, value: (row: LagRow) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['topic', 'origin'],
        registers,
        collect() {
          // Topics without a series of their own share one: it shows the worst of them.
          const worst = new Map<string, { topic: string; origin: string; value: number }>()
          for (const row of readings.lag()) {
            const topic = topicLabel(row.topic)
            const key = `${topic} ${row.origin}`
            const before = worst.get(key)?.value ?? 0
            worst.set(key, { topic, origin: row.origin, value: Math.max(before, value(row)) })
          }
          this.reset()
          for (const { value, ...labels } of worst.values()) this.set(labels, value)
        },
      })
    lagGauge(
      'landbridge_replication_lag_events',
      'Events that an origin holds and this region does not yet, as last known',
      (row) => row.events,
    )
    lagGauge('landbridge_replication_lag_seconds', 'Age of the oldest such event', (row) => row.seconds)
    lagGauge(
      'landbridge_replication_lag_unknown',
      '1 while an origin was not heard for 3 s, so that nobody knows the lag',
      (row) => (row.known ? 0 : 1),
    )
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
  }
}
