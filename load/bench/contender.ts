/** How to reach a gateway as the benchmark's publisher or subscriber. */
export type GatewayAccess = {
  readonly endpoints: readonly string[]
  readonly token: string
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/** Publish as fast as it goes for a while, into `stream` by `subject` (or into `topic`, through a gateway). */
export type PublishTask = { readonly seconds: number; readonly stream: string; readonly subject: string }
export type StreamTask = { readonly seconds: number; readonly topic: string }

/** Publish at a constant rate, whatever the answers do. */
export type PacedTask = { readonly seconds: number; readonly perSecond: number }

/** Publish at a constant rate through an outage. First wait until the home region takes events again, then answer; or publish for `seconds`. */
export type OutageTask = { readonly kind: 'settle' } | ({ readonly kind: 'publish' } & PacedTask)

/** Read `events` events as a member of a new group, acknowledging each. */
export type ConsumeTask = { readonly group: string; readonly events: number }

/** What a load generator saw. */
export type Throughput = {
  /** Acknowledged between the start and the end of the given time, or all that were asked for. */
  readonly events: number
  readonly elapsedMs: number
  /** Acknowledged until the last answer: what the CPU time of others was spent on. */
  readonly eventsInAll: number
  /** CPU time of the generator itself from the start to the last answer. */
  readonly cpuMs: number
}

/** From the moment at which an event was due, not from the one at which it was sent: a stall counts for everything it delayed. */
export type Latencies = {
  readonly latenciesMs: readonly number[]
  /** How long after it was due each event was sent: what the machine itself adds. Told by those who measure single milliseconds. */
  readonly lateMs?: readonly number[]
}

/** Writes `events` events into a stream and waits until they are stored. */
export type LoadTask = { readonly subject: string; readonly stream: string; readonly events: number }

/** Every contender: what it is given once, what it is asked each time, what it answers. All of it travels as JSON. */
export type Contenders = {
  'js-publish': { setup: { natsUrl: string; window: number }; task: PublishTask; outcome: Throughput }
  'js-publish-paced': { setup: { natsUrl: string; subject: string }; task: PacedTask; outcome: Latencies }
  'js-consume': { setup: { natsUrl: string; stream: string }; task: ConsumeTask; outcome: Throughput }
  'lag-probe': {
    setup: { fromUrl: string; subject: string; toUrl: string; stream: string; filter: string }
    task: PacedTask
    outcome: Latencies
  }
  'batch-writer': {
    setup: { natsUrl: string }
    task: PublishTask
    outcome: Throughput
  }
  'publish-stream': { setup: { access: GatewayAccess }; task: StreamTask; outcome: Throughput }
  'publish-paced': { setup: { access: GatewayAccess; topic: string }; task: PacedTask; outcome: Latencies }
  'publish-through': {
    setup: { access: GatewayAccess; topic: string; home: string }
    task: OutageTask
    outcome: Latencies
  }
  subscribe: { setup: { access: GatewayAccess; topic: string }; task: ConsumeTask; outcome: Throughput }
  'batch-load': { setup: { natsUrl: string }; task: LoadTask; outcome: Throughput }
}

export type ContenderKind = keyof Contenders

/** One contender inside its process. */
export type Contender<Kind extends ContenderKind> = {
  run(task: Contenders[Kind]['task']): Promise<Contenders[Kind]['outcome']>
  close(): Promise<void>
}

/** What a file in contenders/ exports as `start`. */
export type StartContender<Kind extends ContenderKind> = (setup: Contenders[Kind]['setup']) => Promise<Contender<Kind>>
