import type { LagRow, PeerStatus } from '@landbridge/core'

/** What works less well than it should. */
export type Trouble = { readonly reason: string; readonly message: string }

/** What a status says of a topic's replication. Texts change in a few steps only: each change is a write. */
export type TopicFigures = {
  /** How far the region is behind the origin that is furthest ahead: "under 10 s". */
  readonly lag: string
  readonly trouble: Trouble | undefined
}

/** What a status says of another region. */
export type PeerFigures = {
  readonly link: 'Connected' | 'Connecting' | 'Disconnected'
  /** How far this region is behind it, over all topics; undefined when there are none. */
  readonly lag: string | undefined
  /** When something last came, ms since 1970: only of a link that does not stand. */
  readonly lastContactMs: number | undefined
  readonly trouble: Trouble | undefined
}

const LAG_STEPS = [
  [10, 'under 10 s'],
  [60, 'under 1 min'],
  [600, 'under 10 min'],
  [3_600, 'under 1 h'],
] as const
const LAG_TOP = 'over 1 h'
const LAG_UNKNOWN = 'unknown'
const NAMED_MAX = 5

/** By "<tenant>/<topic>": how far the region is behind. */
export function topicFigures(
  rows: readonly LagRow[],
  peers: ReadonlyMap<string, PeerStatus>,
): ReadonlyMap<string, TopicFigures> {
  const figures = new Map<string, TopicFigures>()
  for (const [topic, own] of grouped(rows, ({ topic }) => topic)) {
    const stopped = own.filter(({ problem, origin }) => problem !== '' && peers.get(origin)?.state === 'connected')
    figures.set(topic, {
      lag: lagText(own),
      trouble:
        stopped.length === 0
          ? undefined
          : {
              reason: 'ReplicationStopped',
              message: `nothing comes from ${named(stopped.map(({ origin }) => origin))}`,
            },
    })
  }
  return figures
}

/** By region: how its link is. */
export function peerFigures(rows: readonly LagRow[], peers: Iterable<PeerStatus>): ReadonlyMap<string, PeerFigures> {
  const lags = grouped(rows, ({ origin }) => origin)
  const figures = new Map<string, PeerFigures>()
  for (const { region, state, lastContactMs } of peers) {
    const own = lags.get(region)
    figures.set(region, {
      link: linkOf(state, lastContactMs),
      lag: own === undefined ? undefined : lagText(own),
      lastContactMs: state === 'connected' ? undefined : lastContactMs,
      trouble: troubleOf(region, state, own ?? []),
    })
  }
  return figures
}

/** A gateway that dials again and again is now "connecting", now "disconnected": that is one and the same to people. */
function linkOf(state: PeerStatus['state'], lastContactMs: number | undefined): PeerFigures['link'] {
  if (state === 'connected') return 'Connected'
  return lastContactMs === undefined ? 'Connecting' : 'Disconnected'
}

function troubleOf(region: string, state: PeerStatus['state'], rows: readonly LagRow[]): Trouble | undefined {
  if (state !== 'connected') return { reason: 'LinkDown', message: `there is no link to ${region}` }
  const stopped = rows.filter(({ problem }) => problem !== '').map(({ topic }) => topic)
  return stopped.length === 0
    ? undefined
    : { reason: 'ReplicationStopped', message: `nothing comes of ${named(stopped)}` }
}

/** The worst of some rows. */
function lagText(rows: readonly LagRow[]): string {
  if (rows.some(({ known }) => !known)) return LAG_UNKNOWN
  const seconds = Math.max(0, ...rows.map((row) => row.seconds))
  return LAG_STEPS.find(([below]) => seconds < below)?.[1] ?? LAG_TOP
}

function named(names: readonly string[]): string {
  const shown = [...new Set(names)].sort()
  const more = shown.length > NAMED_MAX ? ` and ${shown.length - NAMED_MAX} more` : ''
  return `${shown.slice(0, NAMED_MAX).join(', ')}${more}`
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(items, keyOf)
}
