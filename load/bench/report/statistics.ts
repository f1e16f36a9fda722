/** The middle of the rounds and how far they lay apart, in the unit of the values. */
export type Summary = { readonly median: number; readonly min: number; readonly max: number }

/**
 * Median, lowest and highest. The median of an even number of values is the mean of the two in the middle.
 * @throws {Error} no values
 */
export function summarize(values: readonly number[]): Summary {
  const sorted = Float64Array.from(values).sort()
  if (sorted.length === 0) throw new Error('summarize: no values, wanted at least one')
  const middle = sorted.length >> 1
  const upper = at(sorted, middle)
  const median = sorted.length % 2 === 1 ? upper : (at(sorted, middle - 1) + upper) / 2
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1) }
}

/**
 * The smallest value that at least `share` of all values do not exceed (nearest rank, no interpolation).
 * @param share above 0, at most 1; 0.99 for p99
 * @throws {Error} no values, or a share out of range
 */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new Error(`percentile: share is ${share}, wanted above 0 and at most 1`)
  if (values.length === 0) throw new Error('percentile: no values, wanted at least one')
  const sorted = Float64Array.from(values).sort()
  return at(sorted, Math.ceil(share * sorted.length) - 1)
}

function at(values: Float64Array, index: number): number {
  const value = values[index]
  if (value === undefined) throw new Error(`read value: index is ${index} of ${values.length}`)
  return value
}
