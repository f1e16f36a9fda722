/** Seeded pseudo-random numbers (mulberry32): a failing run is repeated by its seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }

  /** Bytes. */
  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  /** A copy of `bytes` with one to four bytes flipped, set, cut out, put in or repeated, or its end cut off. */
  mutate(bytes: Buffer): Buffer {
    let mutated = Buffer.from(bytes)
    for (let times = 1 + this.below(4); times > 0; times--) {
      const at = this.below(mutated.length + 1)
      const to = Math.min(mutated.length, at + this.below(8))
      switch (this.below(6)) {
        case 0:
          if (at < mutated.length) mutated[at] = (mutated[at] ?? 0) ^ (1 << this.below(8))
          break
        case 1:
          if (at < mutated.length) mutated[at] = [0, 1, 0x7f, 0x80, 0xff][this.below(5)] ?? 0
          break
        case 2:
          mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(to)])
          break
        case 3:
          mutated = Buffer.concat([mutated.subarray(0, at), this.bytes(this.below(6)), mutated.subarray(at)])
          break
        case 4:
          mutated = Buffer.concat([mutated.subarray(0, to), mutated.subarray(at)])
          break
        default:
          mutated = mutated.subarray(0, at)
      }
    }
    return mutated
  }
}
