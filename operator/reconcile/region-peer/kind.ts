import { REGION_PEER } from '../../api/index.ts'
import type { RegionState } from '../../region/index.ts'
import { configKind } from '../config-kind.ts'
import type { Kind } from '../kind.ts'

/** Peers: an entry of the configuration. */
export function regionPeerKind(state: RegionState): Kind {
  return configKind({ definition: REGION_PEER, ofTenant: false, state })
}
