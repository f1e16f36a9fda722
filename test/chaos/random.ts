import { randomOf } from '../replication/random.ts'

/** Choices from one seed. */
export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = randomOf(seed)
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** @throws {RangeError} when there is nothing to pick from */
  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.int(0, values.length - 1)]
    if (value === undefined) throw new RangeError('pick: the list is empty, wanted one value or more')
    return value
  }

  /** Picks by weight; weights of 0 are never picked. */
  weighted<Value>(choices: readonly { readonly value: Value; readonly weight: number }[]): Value {
    let rest = this.#random() * choices.reduce((sum, { weight }) => sum + weight, 0)
    for (const { value, weight } of choices) {
      rest -= weight
      if (rest < 0 && weight > 0) return value
    }
    return this.pick(choices.filter(({ weight }) => weight > 0)).value
  }
}
