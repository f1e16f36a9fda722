/** Fewer are asked for one by one: to begin to read a stream takes several questions by itself. */
const TOGETHER_MIN = 16
/** More would be read for one receiver before it took any. */
const TOGETHER_MAX = 512
/** Records that are read for each that is wanted, at most: to ask for one by itself takes about as long as to read ten. */
const SPARSE_MAX = 8

/**
 * How many records, from the first on, are read together, because they follow each other in the stream and lie close; 0 when
 * they are asked for one by one.
 * @param sequences stream sequences, 1 or greater, in the order in which they are wanted
 */
export function togetherOf(sequences: readonly number[]): number {
  const [first = 0] = sequences
  let count = 0
  let before = 0
  for (const sequence of sequences.slice(0, TOGETHER_MAX)) {
    if (sequence <= before || sequence - first >= SPARSE_MAX * Math.max(TOGETHER_MIN, count + 1)) break
    count += 1
    before = sequence
  }
  return count < TOGETHER_MIN ? 0 : count
}
