import type { ConfigSnapshot } from './config/index.ts'
import type { RegionPeerDocument } from './documents/index.ts'
import { compilePattern } from './policy/index.ts'

/** Which way events go: out of this region, or into it. */
export type Way = 'export' | 'import'

/** Whether two regions exchange a topic. */
export type Exchange = 'allowed' | 'not-allowed' | 'unknown-topic'

/**
 * Whether events of a topic ("<tenant>/<topic>") go from this region to `peer`, or from there to here: the peer has a
 * RegionPeer whose patterns cover the topic, those for both ways and, if it has any, those for that way; and the topic's
 * own list of regions, unless empty, names both. A peer that may not have a topic is not told whether it exists.
 */
export function exchangeOf(
  snapshot: Pick<ConfigSnapshot, 'peers' | 'topics'>,
  self: string,
  peer: string,
  topicKey: string,
  way: Way,
): Exchange {
  const document = snapshot.peers.get(peer)
  if (document === undefined || peer === self || !covers(document, topicKey, way)) return 'not-allowed'
  const topic = snapshot.topics.get(topicKey)
  if (topic === undefined) return 'unknown-topic'
  const { regions } = topic.spec
  return regions.length === 0 || (regions.includes(self) && regions.includes(peer)) ? 'allowed' : 'not-allowed'
}

type Matchers = Readonly<Record<Way, (topicKey: string) => boolean>>

const matchers = new WeakMap<RegionPeerDocument, Matchers>()

function covers(peer: RegionPeerDocument, topicKey: string, way: Way): boolean {
  let known = matchers.get(peer)
  if (known === undefined) {
    const { topics, exports, imports } = peer.spec
    const both = compileTopics(topics)
    known = { export: within(both, exports), import: within(both, imports) }
    matchers.set(peer, known)
  }
  return known[way](topicKey)
}

function within(both: (topicKey: string) => boolean, patterns: readonly string[] | undefined) {
  if (patterns === undefined) return both
  const those = compileTopics(patterns)
  return (topicKey: string) => both(topicKey) && those(topicKey)
}

function compileTopics(patterns: readonly string[]): (topicKey: string) => boolean {
  const compiled = patterns.map((pattern) => {
    const [tenant, topic] = halves(pattern)
    return { tenant: compilePattern(tenant), topic: compilePattern(topic) }
  })
  return (topicKey) => {
    const [tenant, topic] = halves(topicKey)
    return compiled.some((pattern) => pattern.tenant(tenant) && pattern.topic(topic))
  }
}

function halves(key: string): readonly [string, string] {
  const slash = key.indexOf('/')
  return [key.slice(0, slash), key.slice(slash + 1)]
}
