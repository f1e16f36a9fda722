import type { ChaosTopic, PublisherInfo } from './history/history.ts'
import type { LargeEvents } from './load/large.ts'
import type { PublishStyle } from './load/publisher.ts'
import type { Ground, RegionGround } from './plan/fault.ts'
import type { GapLimits } from './report/gaps.ts'

/** What a run is made of, beside its seed and length. */
export type Setup = {
  readonly ground: Ground
  readonly topics: readonly ChaosTopic[]
  readonly publishers: readonly PublisherSetup[]
  /** Mean time from one fault's beginning to the next one's. */
  readonly faultEveryMs: number
  /** How long the regions may take to hold the same after the last fault. */
  readonly convergeMs: number
  /** How long a publisher may wait without any acknowledgement. */
  readonly gapLimitMs: GapLimits
  /** I7: what a gateway may have in memory. */
  readonly rssMaxMiB: number
}

/** One publisher of a run. */
export type PublisherSetup = PublisherInfo & {
  readonly style: PublishStyle
  /** Events a second, at most. */
  readonly rate: number
  /** Undefined: none is large. */
  readonly large?: LargeEvents | undefined
}

/** `full` is what the issue asks for; `short` is for `make test`. */
export const PROFILES = ['full', 'short'] as const
export type ProfileName = (typeof PROFILES)[number]

/** What a guarded topic keeps at home. */
const GUARD = {
  filter: 'event.type != "chaos.private"',
  masks: [{ path: 'data.secret', action: 'redact' }],
}

const REGIONS = ['us-east', 'eu-west', 'ap-south']

/**
 * The mesh and the load of a profile. `rate` is the events a second of all publishers together.
 * @param disks whether this machine can have disks that are full
 */
export function setupOf(profile: ProfileName, rate: number, disks: boolean): Setup {
  const isFull = profile === 'full'
  const topics: ChaosTopic[] = [
    { name: 'chaos/orders', durability: 'local', regions: REGIONS },
    { name: 'chaos/payments', durability: 'quorum', regions: REGIONS },
    { name: 'chaos/reports', durability: 'local', regions: REGIONS, guarded: true },
  ]
  const region = (name: string, index: number): RegionGround => {
    const nodes = isFull && index === 0 ? 3 : 1
    const full = nodes === 3 ? [2] : [0]
    return { name, nodes, gateways: isFull ? 2 : 1, disks: isFull && disks && index < 2 ? full : [] }
  }
  return {
    ground: { regions: REGIONS.map(region), topics: topics.map(({ name }) => name), toxics: true, clocks: isFull },
    topics,
    publishers: REGIONS.flatMap((home) => publishersOf(home, rate / REGIONS.length)),
    faultEveryMs: isFull ? 6_000 : 1_800,
    convergeMs: 240_000,
    // A local topic needs one region of three. A quorum needs two that reach each other, and faults that overlap can
    // leave no such pair for as long as the longest of them lasts (20 s) and what it touched takes to start again.
    gapLimitMs: { local: 30_000, quorum: 45_000 },
    rssMaxMiB: 600,
  }
}

/** 80 KiB a second on average, whatever the rate: behind a slow link it takes one of them up to 13 s. */
const LARGE: LargeEvents = { everyMs: 2_000, minBytes: 64 * 1024, maxBytes: 256 * 1024 }

function publishersOf(home: string, rate: number): readonly PublisherSetup[] {
  const publisher = (topic: string, style: PublishStyle, share: number): PublisherSetup => ({
    source: `urn:chaos:${home}:${topic}:${style}`,
    topic: `chaos/${topic}`,
    home,
    style,
    batched: style === 'stream',
    rate: rate * share,
  })
  return [
    publisher('orders', 'unary', 0.3),
    { ...publisher('orders', 'stream', 0.4), large: LARGE },
    publisher('payments', 'unary', 0.1),
    publisher('payments', 'stream', 0.1),
    publisher('reports', 'unary', 0.1),
  ]
}

/** The documents of a setup: its topics, and a policy that lets the run's services in. */
export function documentsOf(setup: Setup): string {
  const documents: unknown[] = setup.topics.map(({ name, durability, guarded }) => {
    const [namespace, topic] = name.split('/')
    return {
      apiVersion: 'landbridge.dev/v1alpha1',
      kind: 'Topic',
      metadata: { namespace, name: topic },
      spec: {
        partitions: 4,
        duplicateWindow: '30s',
        durability,
        ...(guarded === true ? { replication: GUARD } : {}),
      },
    }
  })
  documents.push({
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { namespace: 'chaos', name: 'services' },
    spec: { principals: [{ subject: 'chaos-*' }], topics: ['*'], operations: ['publish', 'subscribe'] },
  })
  // JSON is YAML.
  return documents.map((document) => JSON.stringify(document)).join('\n---\n')
}
