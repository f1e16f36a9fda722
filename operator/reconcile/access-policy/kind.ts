import { ACCESS_POLICY } from '../../api/index.ts'
import type { RegionState } from '../../region/index.ts'
import { configKind } from '../config-kind.ts'
import type { Kind } from '../kind.ts'

/** Access policies: an entry of the configuration. */
export function accessPolicyKind(state: RegionState): Kind {
  return configKind({
    definition: ACCESS_POLICY,
    ofTenant: true,
    state,
    extras: (document) => (document.kind === 'AccessPolicy' ? { principals: document.spec.principals.length } : {}),
  })
}
