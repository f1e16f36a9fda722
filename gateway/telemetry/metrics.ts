import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * The metrics of the process. Guarantees:
 * 1. Every label has a bounded set of values: topics go through `topicLabel`, nothing else comes from callers.
 * 2. Several instances can live in one process (tests): nothing is registered globally.
 *
 * Other folders register their own metrics with `registers: [metrics.registry]`.
 */
export class Metrics {
  readonly registry = new Registry()
  readonly #topics = new Set<string>()
  readonly #topicsMax: number
  #clock: { readonly ownAheadMs: number } | undefined

  readonly calls = new Counter({
    name: 'landbridge_grpc_calls_total',
    help: 'gRPC calls that ended, by method and status code',
    labelNames: ['method', 'code'],
    registers: [this.registry],
  })
  readonly callSeconds = new Histogram({
    name: 'landbridge_grpc_call_seconds',
    help: 'Duration of unary gRPC calls',
    labelNames: ['method'],
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly openStreams = new Gauge({
    name: 'landbridge_grpc_open_streams',
    help: 'Streaming gRPC calls that are open',
    labelNames: ['method'],
    registers: [this.registry],
  })
  readonly published = new Counter({
    name: 'landbridge_published_events_total',
    help: 'Events by what became of them: stored, duplicate, failed, refused',
    labelNames: ['topic', 'outcome'],
    registers: [this.registry],
  })
  readonly publishedBytes = new Counter({
    name: 'landbridge_published_bytes_total',
    help: 'Bytes of events that were stored',
    labelNames: ['topic'],
    registers: [this.registry],
  })
  readonly storeSeconds = new Histogram({
    name: 'landbridge_store_seconds',
    help: 'Time to store one batch in the region',
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly forwarded = new Counter({
    name: 'landbridge_forwarded_events_total',
    help: 'Events that another region took because this one could not store them',
    labelNames: ['peer'],
    registers: [this.registry],
  })
  readonly quorumSeconds = new Histogram({
    name: 'landbridge_quorum_wait_seconds',
    help: 'Time that stored events waited for another region, by how it ended: held, degraded, late, reset',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly inFlightEvents = new Gauge({
    name: 'landbridge_publish_in_flight_events',
    help: 'Events being stored',
    registers: [this.registry],
  })
  readonly inFlightBytes = new Gauge({
    name: 'landbridge_publish_in_flight_bytes',
    help: 'Bytes of events being stored',
    registers: [this.registry],
  })
  readonly breakerOpen = new Gauge({
    name: 'landbridge_store_breaker_open',
    help: "1 while the breaker of the region's JetStream is open, 0.5 while it probes",
    registers: [this.registry],
  })
  readonly delivered = new Counter({
    name: 'landbridge_delivered_events_total',
    help: 'Events sent to subscribers',
    labelNames: ['topic', 'kind'],
    registers: [this.registry],
  })
  readonly deliveredBytes = new Counter({
    name: 'landbridge_delivered_bytes_total',
    help: 'Bytes of events sent to subscribers',
    labelNames: ['topic'],
    registers: [this.registry],
  })
  readonly settled = new Counter({
    name: 'landbridge_settled_events_total',
    help: 'Settlements of group deliveries: ack, nack, reject, unknown, returned',
    labelNames: ['topic', 'kind'],
    registers: [this.registry],
  })
  readonly refusals = new Counter({
    name: 'landbridge_refusals_total',
    help: 'Calls, batches and streams refused: unauthenticated, not allowed, overload, quota, late',
    labelNames: ['reason'],
    registers: [this.registry],
  })
  readonly quotaWaits = new Counter({
    name: 'landbridge_quota_waits_total',
    help: 'How often a stream was held back by a quota, by operation: publish, subscribe',
    labelNames: ['operation'],
    registers: [this.registry],
  })
  readonly topics = new Gauge({
    name: 'landbridge_topics',
    help: 'Topics that the gateway knows',
    registers: [this.registry],
  })
  readonly natsConnected = new Gauge({
    name: 'landbridge_nats_connected',
    help: "1 while the connection to the region's NATS stands",
    registers: [this.registry],
  })
  readonly certificateExpiry = new Gauge({
    name: 'landbridge_certificate_expiry_seconds',
    help: "When the gateway's own certificate ends, seconds since 1970",
    registers: [this.registry],
  })
  readonly certificateProblems = new Counter({
    name: 'landbridge_certificate_problems_total',
    help: 'New certificate files that were not taken because they do not parse or do not match',
    registers: [this.registry],
  })

  readonly clockAhead: Gauge = new Gauge({
    name: 'landbridge_clock_ahead_seconds',
    help: "How far this machine's clock is ahead of that of the region's NATS, which counts",
    registers: [this.registry],
    collect: (): void => this.clockAhead.set((this.#clock?.ownAheadMs ?? 0) / 1_000),
  })

  /** @param topicsMax Topics with series of their own; further ones share "other". */
  constructor(topicsMax = 200) {
    this.#topicsMax = topicsMax
  }

  /** Shows how wrong this machine's clock is. */
  followClock(clock: { readonly ownAheadMs: number }): void {
    this.#clock = clock
  }

  /** Also measures the process itself (CPU, memory, event loop). Once a process, in main. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry })
  }

  /** The label for a topic that exists: its name, or "other" when too many have series already. */
  topicLabel(topicKey: string): string {
    if (this.#topics.has(topicKey)) return topicKey
    if (this.#topics.size >= this.#topicsMax) return 'other'
    this.#topics.add(topicKey)
    return topicKey
  }
}
