import {
  exchangeOf,
  formatTopicName,
  fromStored,
  originFilter,
  type RegionPeerDocument,
  streamName,
  type TopicDocument,
} from '@landbridge/core'
import { askGateways, lastRecord, type ObservedGroup } from '@landbridge/nats'
import type { Region } from '../../region/index.ts'

/** What is known of who still needs a topic. */
export type TopicUses = {
  readonly groups: readonly ObservedGroup[]
  /** Other regions that are to have the topic's events. */
  readonly peers: readonly string[]
  /** Sequence of the last event that was stored here first; 0: there is none. */
  readonly lastOwn: number
  /** By region: up to which sequence it has them. */
  readonly applied: ReadonlyMap<string, number>
}

/** What would be lost or cut off if the topic went now, for people. */
export function usesText({ groups, peers, lastOwn, applied }: TopicUses): readonly string[] {
  const subscribed = groups.map(({ name, undelivered }) => {
    const waiting = undelivered === 0 ? '' : `, ${undelivered} events not delivered`
    return `group ${name} subscribes to it${waiting}`
  })
  if (lastOwn === 0) return subscribed
  const unreplicated = peers.flatMap((peer) => {
    const sequence = applied.get(peer)
    if (sequence === undefined) return [`nobody can tell whether region ${peer} has its events`]
    return sequence < lastOwn ? [`region ${peer} does not have all its events yet`] : []
  })
  return [...subscribed, ...unreplicated]
}

/** Asks for it. @throws MeshError when the region cannot tell */
export async function findUses(region: Region, { kind, name, spec }: TopicDocument): Promise<TopicUses> {
  const { streams, session } = region.access
  const topic = formatTopicName(name)
  const stream = streamName(name)
  const snapshot = { peers: peersOf(region), topics: new Map([[topic, { kind, name, spec }]]) }
  const peers = [...snapshot.peers.keys()].filter(
    (peer) => exchangeOf(snapshot, region.name, peer, topic, 'export') === 'allowed',
  )
  const groups = await streams.groups(stream)
  if (peers.length === 0) return { groups, peers, lastOwn: 0, applied: new Map() }
  const last = await lastRecord(session, stream, originFilter(name, region.name))
  const { rows } = await askGateways({
    session,
    question: { about: 'applied', topic },
    gateways: () => region.following(0)?.all ?? 0,
  })
  const applied = new Map<string, number>()
  for (const { region: peer, sequence } of rows) applied.set(peer, Math.max(sequence, applied.get(peer) ?? 0))
  return { groups, peers, lastOwn: last?.sequence ?? 0, applied }
}

function peersOf(region: Region): ReadonlyMap<string, RegionPeerDocument> {
  const peers = new Map<string, RegionPeerDocument>()
  for (const { value } of region.entriesUnder('peer.')) {
    const document = fromStored(value).value
    if (document?.kind === 'RegionPeer') peers.set(document.region, document)
  }
  return peers
}
