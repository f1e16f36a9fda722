import { ACCESS_POLICY } from '../../api/index.ts'
import type { Region } from '../../region/index.ts'
import { configKind } from '../config-kind.ts'
import type { Kind } from '../kind.ts'

/** Access policies: an entry of the configuration. */
export function accessPolicyKind(region: Region): Kind {
  return configKind({
    definition: ACCESS_POLICY,
    ofTenant: true,
    region,
    shown: (document) => ({
      extras: document.kind === 'AccessPolicy' ? { principals: document.spec.principals.length } : {},
      degraded: undefined,
    }),
  })
}
