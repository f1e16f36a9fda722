import type { ChaosTopic, PublisherInfo } from './history/history.ts'
import type { PublishStyle } from './load/publisher.ts'
import type { Ground } from './plan/fault.ts'

/** What a run is made of, beside its seed and length. */
export type Setup = {
  readonly ground: Ground
  readonly topics: readonly ChaosTopic[]
  readonly publishers: readonly (PublisherInfo & { readonly style: PublishStyle; readonly rate: number })[]
  /** Mean time from one fault's beginning to the next one's. */
  readonly faultEveryMs: number
  /** How long the regions may take to hold the same after the last fault. */
  readonly convergeMs: number
  /** I7: what a gateway may have in memory. */
  readonly rssMaxMiB: number
}

/** `full` is what the issue asks for; `short` is for `make test`. */
export const PROFILES = ['full', 'short'] as const
export type ProfileName = (typeof PROFILES)[number]

const REGIONS = ['us-east', 'eu-west', 'ap-south']

/** The mesh and the load of a profile. `rate` is the events a second of all publishers together. */
export function setupOf(profile: ProfileName, rate: number): Setup {
  const gateways = profile === 'full' ? 2 : 1
  const ground: Ground = {
    regions: REGIONS.map((name) => ({ name, nodes: 1 as const, gateways })),
    topics: ['chaos/orders'],
  }
  const topics: ChaosTopic[] = [{ name: 'chaos/orders', durability: 'local', regions: REGIONS }]
  const publishers = REGIONS.flatMap((home) =>
    (['unary', 'stream'] as const).map((style) => ({
      source: `urn:chaos:${home}:${style}`,
      topic: 'chaos/orders',
      home,
      style,
      rate: rate / (2 * REGIONS.length),
    })),
  )
  return {
    ground,
    topics,
    publishers,
    faultEveryMs: profile === 'full' ? 6_000 : 2_500,
    convergeMs: 90_000,
    rssMaxMiB: 600,
  }
}

/** The documents of a setup: its topics, and a policy that lets the run's services in. */
export function documentsOf(setup: Setup): string {
  const documents: unknown[] = setup.topics.map(({ name, durability }) => {
    const [namespace, topic] = name.split('/')
    return {
      apiVersion: 'landbridge.dev/v1alpha1',
      kind: 'Topic',
      metadata: { namespace, name: topic },
      spec: { partitions: 4, duplicateWindow: '30s', ...(durability === 'local' ? {} : { durability }) },
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
