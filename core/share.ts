/** When a gateway is taken for gone, and how signs of life come. Times are ms of a clock that is never set back. */
export type PresenceTimes = {
  /** Between two signs of one gateway. */
  readonly beatMs: number
  /** A gateway whose last sign is older than this is gone. */
  readonly expiryMs: number
  /** Signs that lie far apart in the reader's own row show a hold-up on the way that all share. */
  readonly holdUpMs: number
}

/**
 * The gateways of a region that are alive, as one of them sees it. Others are judged by how much older their last sign
 * is than the reader's own, which comes back over the same way: whatever holds up the reader or the way (a paused
 * process, a lost connection, a store without a leader) makes nobody else look gone.
 */
export class PresenceView {
  readonly #self: string
  readonly #times: PresenceTimes
  readonly #seen = new Map<string, number>()

  constructor(self: string, times: PresenceTimes) {
    this.#self = self
    this.#times = times
  }

  /** True once the reader's own sign came back: before that nobody can be judged. */
  get ready(): boolean {
    return this.#seen.has(this.#self)
  }

  /** A sign of a gateway came. @param atMs when it was given, as far as that is known; when it came otherwise */
  saw(gateway: string, atMs: number): void {
    const ownMs = this.#seen.get(this.#self)
    if (gateway === this.#self && ownMs !== undefined && atMs - ownMs > this.#times.holdUpMs) {
      const lostMs = atMs - ownMs - this.#times.beatMs
      for (const [other, seenMs] of this.#seen) this.#seen.set(other, Math.min(atMs, seenMs + lostMs))
    }
    this.#seen.set(gateway, atMs)
  }

  /** A gateway said that it goes. */
  left(gateway: string): void {
    this.#seen.delete(gateway)
  }

  /** Those that are alive, this one included; sorted. */
  get alive(): readonly string[] {
    return this.#others((ageMs) => ageMs < this.#times.expiryMs)
      .concat(this.#self)
      .sort()
  }

  /** Those whose last sign is older than the reader's own by more than this: nobody needs to remember them. */
  silentFor(ms: number): readonly string[] {
    return this.#others((ageMs) => ageMs > ms)
  }

  #others(wanted: (ageMs: number) => boolean): string[] {
    const ownMs = this.#seen.get(this.#self) ?? Number.NEGATIVE_INFINITY
    return [...this.#seen].flatMap(([name, seenMs]) => (name !== this.#self && wanted(ownMs - seenMs) ? [name] : []))
  }
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
