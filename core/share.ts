/** Who is there, as one gateway of a region sees it. Times are of the reader's own clock, ms, never set back. */
export type Sightings = ReadonlyMap<string, number>

/**
 * The gateways of a region that count as alive, sorted: this one, and each whose sign of life is at most `expiryMs`
 * older than this one's own. Both come back over the same way, so that whatever holds up the reader (a paused process, a
 * lost connection) makes nobody else look dead.
 */
export function aliveGateways(sightings: Sightings, self: string, expiryMs: number): readonly string[] {
  const ownMs = sightings.get(self)
  const alive = [...sightings].filter(([, seenMs]) => ownMs === undefined || ownMs - seenMs < expiryMs)
  return [...new Set([self, ...alive.map(([name]) => name)])].sort()
}

/**
 * Which of these gateways does a piece of work, the same whoever asks with the same list: rendezvous hashing. When one
 * leaves, only its work moves; when one joins, it takes an equal share from each.
 * @throws RangeError when there is none
 */
export function ownerOf(work: string, gateways: readonly string[]): string {
  let owner: string | undefined
  let highest = -1
  for (const gateway of gateways) {
    const weight = hash(`${gateway} ${work}`)
    if (weight > highest || (weight === highest && owner !== undefined && gateway < owner)) {
      owner = gateway
      highest = weight
    }
  }
  if (owner === undefined) throw new RangeError('share work: there is no gateway')
  return owner
}

/** FNV-1a, its bits mixed once more (murmur3's last step): FNV alone leaves names that differ in one digit close together. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
