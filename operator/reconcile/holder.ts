import { isOlder } from './claims.ts'
import type { Holder } from './types.ts'

/** How the resource that an entry of the configuration was written for stands to the one that wants it now. */
export type Rival = 'none' | 'older' | 'newer'

/** A holder as it is kept beside the entry, for the operators of other namespaces and clusters. */
export function formatHolder({ name, creationTimestamp, uid }: Holder): string {
  return `${name} ${creationTimestamp} ${uid}`
}

/**
 * Whether somebody else holds an entry. One of the same namespace and name is the resource itself, made anew: in a
 * cluster that was set up again, everything has another uid.
 */
export function rivalOf(own: Holder, heldBy: string | undefined): Rival {
  const other = heldBy === undefined ? undefined : parseHolder(heldBy)
  if (other === undefined || other.name === own.name) return 'none'
  return isOlder(other, own) ? 'older' : 'newer'
}

/** The "namespace/name" of a holder. */
export function holderName(heldBy: string): string {
  return parseHolder(heldBy)?.name ?? heldBy
}

function parseHolder(text: string): Holder | undefined {
  const [name, creationTimestamp, uid, ...more] = text.split(' ')
  if (name === undefined || creationTimestamp === undefined || uid === undefined || more.length > 0) return undefined
  return { name, creationTimestamp, uid }
}
