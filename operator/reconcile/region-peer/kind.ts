import { REGION_PEER } from '../../api/index.ts'
import type { Region } from '../../region/index.ts'
import { configKind } from '../config-kind.ts'
import { type Kind, type Shown, troubleOf } from '../kind.ts'
import type { ResourceStatus } from '../types.ts'

/** Peers: an entry of the configuration, and what gateways tell of the link. */
export function regionPeerKind(region: Region): Kind {
  return configKind({
    definition: REGION_PEER,
    ofTenant: false,
    region,
    shown: (document, before) => (document.kind === 'RegionPeer' ? shownOf(region, document.region, before) : NOTHING),
  })
}

const NOTHING: Shown = { extras: {}, degraded: undefined }

function shownOf(region: Region, peer: string, before: ResourceStatus | undefined): Shown {
  if (!region.figuresKnown) {
    const { link, lag, lastContact } = before ?? {}
    return { extras: { link, lag, lastContact }, degraded: troubleOf(before) }
  }
  const figures = region.peerFigures(peer)
  if (figures === undefined) return NOTHING
  const { link, lag, lastContactMs, trouble } = figures
  const lastContact = lastContactMs === undefined ? undefined : new Date(lastContactMs).toISOString()
  return { extras: { link, lag, lastContact }, degraded: trouble }
}
