import type { MeshResource } from './types.ts'

/** When a resource was made, and which one of that time it is. */
export type Made = Pick<MeshResource['metadata'], 'creationTimestamp' | 'uid'>

/**
 * Who has what, when two resources ask for the same thing in the region (two namespaces that stand for one tenant, for
 * example): the older one, and of two of one age the one whose uid is smaller, so that every operator agrees.
 */
export class Claims {
  readonly #claims = new Map<string, Map<string, Made>>()
  readonly #wanted = new Map<string, string>()

  /** Takes note of a resource; returns the keys of others whose claim may have changed by it. */
  set(key: string, claim: string | undefined, resource: MeshResource | undefined): readonly string[] {
    const before = this.#wanted.get(key)
    const affected = new Set<string>()
    if (before !== undefined && before !== claim) this.#remove(key, before, affected)
    if (claim === undefined || resource === undefined) {
      if (before !== undefined && before === claim) this.#remove(key, before, affected)
      return [...affected]
    }
    const holders = this.#claims.get(claim) ?? new Map<string, Made>()
    this.#claims.set(claim, holders)
    const isNew = !holders.has(key)
    const { creationTimestamp, uid } = resource.metadata
    holders.set(key, { creationTimestamp, uid })
    this.#wanted.set(key, claim)
    if (isNew) for (const other of holders.keys()) if (other !== key) affected.add(other)
    return [...affected]
  }

  /** The key of the resource that has a claim; undefined when nobody wants it. */
  holderOf(claim: string): string | undefined {
    let best: readonly [string, Made] | undefined
    for (const entry of this.#claims.get(claim) ?? [])
      if (best === undefined || isOlder(entry[1], best[1])) best = entry
    return best?.[0]
  }

  #remove(key: string, claim: string, affected: Set<string>): void {
    const holders = this.#claims.get(claim)
    holders?.delete(key)
    this.#wanted.delete(key)
    if (holders?.size === 0) this.#claims.delete(claim)
    for (const other of holders?.keys() ?? []) affected.add(other)
  }
}

/** Of one age, the smaller uid counts as older. */
export function isOlder(a: Made, b: Made): boolean {
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp < b.creationTimestamp
  return a.uid < b.uid
}
