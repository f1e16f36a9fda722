import type { ConfigSnapshot } from './config/index.ts'
import type { RegionPeerDocument } from './documents/index.ts'
import { compilePattern } from './policy/index.ts'

/** Whether two regions exchange a topic. */
export type Exchange = 'allowed' | 'not-allowed' | 'unknown-topic'

/**
 * Whether this region and `peer` exchange a topic ("<tenant>/<topic>"): the peer has a RegionPeer whose patterns cover
 * the topic, and the topic's own list of regions, unless empty, names both. A peer that may not have a topic is not told
 * whether it exists.
 */
export function exchangeOf(
  snapshot: Pick<ConfigSnapshot, 'peers' | 'topics'>,
  self: string,
  peer: string,
  topicKey: string,
): Exchange {
  const document = snapshot.peers.get(peer)
  if (document === undefined || peer === self || !covers(document, topicKey)) return 'not-allowed'
  const topic = snapshot.topics.get(topicKey)
  if (topic === undefined) return 'unknown-topic'
  const { regions } = topic.spec
  return regions.length === 0 || (regions.includes(self) && regions.includes(peer)) ? 'allowed' : 'not-allowed'
}

const matchers = new WeakMap<RegionPeerDocument, (topicKey: string) => boolean>()

function covers(peer: RegionPeerDocument, topicKey: string): boolean {
  let matcher = matchers.get(peer)
  if (matcher === undefined) {
    matcher = compileTopics(peer.spec.topics)
    matchers.set(peer, matcher)
  }
  return matcher(topicKey)
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
