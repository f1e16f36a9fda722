import { configKey, type MeshDocument } from '@landbridge/core'
import type { ResourceDefinition } from '../api/index.ts'
import type { RegionState } from '../region/index.ts'
import type { Kind } from './kind.ts'

/** What differs between kinds that are nothing but an entry of the configuration. */
export type ConfigKindOptions = {
  readonly definition: ResourceDefinition
  readonly ofTenant: boolean
  readonly state: RegionState
  readonly extras?: (document: MeshDocument) => Readonly<Record<string, unknown>>
  readonly degraded?: Kind['degraded']
}

/** A kind that is nothing but an entry of the configuration. */
export function configKind(options: ConfigKindOptions): Kind {
  const { definition, ofTenant, state, extras, degraded } = options
  return {
    definition,
    ofTenant,
    find: async (document) => ({ stream: undefined, stored: state.entry(configKey(document)), inUse: [] }),
    extras: (document) => (document === undefined ? {} : (extras?.(document) ?? {})),
    degraded: degraded ?? (() => undefined),
  }
}
