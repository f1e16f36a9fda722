import type { ResourceDefinition } from '../api/index.ts'
import type { Region } from '../region/index.ts'
import type { Kind } from './kind.ts'

/** What differs between kinds that are nothing but an entry of the configuration. */
export type ConfigKindOptions = {
  readonly definition: ResourceDefinition
  readonly ofTenant: boolean
  readonly region: Region
  readonly shown: Kind['shown']
}

/** A kind that is nothing but an entry of the configuration. */
export function configKind({ region, ...kind }: ConfigKindOptions): Kind {
  return {
    ...kind,
    find: async (_document, { identity }) => ({
      stream: undefined,
      stored: region.entry(identity.key)?.value,
      inUse: [],
    }),
  }
}
