import { type Position, START, samePosition } from './position.ts'

/** An event of the origin as it lies in a stream of this region. */
export type HeldEvent = {
  readonly localSequence: number
  /** Where it is in its origin's stream. */
  readonly position: Position
  /** The origin's record before it. */
  readonly prev: Position
}

/** Whether the origin has one record; "expired": it keeps nothing that old any more, and may have had it. */
export type MatchAnswer = 'present' | 'absent' | 'expired'

/** The last record that this region and the origin share. */
export type Common = {
  readonly position: Position
  /** Where it is in this region's stream; 0 when it is not there. */
  readonly localSequence: number
}

/** What the search asks next. */
export type SearchStep =
  /** For each local sequence, in order: the first event of the origin there or behind it. Answer: `probed`. */
  | { readonly kind: 'probe'; readonly sequences: readonly number[] }
  /** Which of these does the origin have? Answer: `matched`. */
  | { readonly kind: 'match'; readonly positions: readonly Position[] }
  | { readonly kind: 'found'; readonly common: Common }

type State =
  | { readonly kind: 'probing'; readonly sequences: readonly number[] }
  | { readonly kind: 'matching'; readonly sequences: readonly number[]; readonly events: readonly HeldEvent[] }
  | { readonly kind: 'matching-prev'; readonly prev: Position }
  | { readonly kind: 'found' }

/** The server's limit of positions in one question. */
const POSITIONS_MAX = 64

/**
 * Finds the last common record (rule 7): from the end of the local stream backwards in steps that double, then into 64
 * parts again and again. Logs that share a record share everything before it, so what the origin has is a beginning
 * of what is here, and one round of each kind narrows the place down by a factor of 64.
 *
 * 1. The result is a record that the origin has or may have had, or `START`: that is what the repair needs to be safe.
 *    That it is the *last* such record only saves work: what lies behind it is given back and asked for again.
 * 2. Where a repaired branch lies between, the dead events there may hide a few records that are shared: see 1.
 * 3. "expired" counts as shared. What is older than the origin's retention is not given back, or events would come to
 *    life again after their time; whether the origin ever had it shows as a retention gap.
 * 4. When no event here is shared, the record before the oldest one is asked for: retention may have taken it here.
 * 5. Never more than 64 positions a question; at most 11 questions, and one for 4.
 */
export class CommonSearch {
  #state: State
  #low: Common = { position: START, localSequence: 0 }
  /** Every event from here on is not shared, or was lost in the meantime. */
  #high: number
  #oldest: HeldEvent | undefined

  /** @param last The local sequence of the origin's last record here; 0: there is none. */
  constructor(last: number) {
    this.#high = last + 1
    const sequences = last === 0 ? [] : [last]
    for (let step = 1; step < last; step *= 2) sequences.push(last - step)
    if (sequences.at(-1) !== 1 && last > 1) sequences.push(1)
    this.#state = { kind: 'probing', sequences: sequences.reverse() }
  }

  /** The first step. */
  begin(): SearchStep {
    return this.#state.kind === 'probing' ? this.#probe(this.#state.sequences) : this.#found()
  }

  /** For each sequence of the probe what is there; undefined for nothing. */
  probed(answers: readonly (HeldEvent | undefined)[]): SearchStep {
    const state = this.#state
    if (state.kind !== 'probing' || answers.length !== state.sequences.length) throw wrongAnswer('probed', state)
    const events = new Map<number, HeldEvent>()
    for (const event of answers) {
      if (event === undefined || event.localSequence >= this.#high) continue
      if (event.localSequence > this.#low.localSequence) events.set(event.localSequence, event)
    }
    if (events.size === 0) return this.#nothingBetween()
    const ascending = [...events.values()].sort((left, right) => left.localSequence - right.localSequence)
    const [oldest] = ascending
    if (oldest !== undefined && oldest.localSequence < (this.#oldest?.localSequence ?? Infinity)) this.#oldest = oldest
    this.#state = { kind: 'matching', sequences: state.sequences, events: ascending }
    return { kind: 'match', positions: ascending.map(({ position }) => position) }
  }

  /** For each position of the question, in order. */
  matched(answers: readonly MatchAnswer[]): SearchStep {
    const state = this.#state
    if (state.kind === 'matching-prev' && answers.length === 1) {
      if (answers[0] !== 'absent') this.#low = { position: state.prev, localSequence: 0 }
      return this.#found()
    }
    if (state.kind !== 'matching' || answers.length !== state.events.length) throw wrongAnswer('matched', state)
    this.#low = state.events.findLast((_, index) => answers[index] !== 'absent') ?? this.#low
    // What was found from there on is not shared, and by rule 7 neither is what lies behind it.
    const above = state.sequences.find((sequence) => sequence > this.#low.localSequence)
    if (above !== undefined) this.#high = Math.min(this.#high, above)
    return this.#narrow()
  }

  #narrow(): SearchStep {
    const from = this.#low.localSequence + 1
    const width = this.#high - from
    if (width <= 0) return this.#nothingBetween()
    const step = Math.ceil(width / POSITIONS_MAX)
    const sequences: number[] = []
    for (let sequence = from; sequence < this.#high; sequence += step) sequences.push(sequence)
    return this.#probe(sequences)
  }

  #nothingBetween(): SearchStep {
    const prev = this.#oldest?.prev
    if (this.#low.position.sequence > 0 || prev === undefined || samePosition(prev, START)) return this.#found()
    this.#state = { kind: 'matching-prev', prev }
    return { kind: 'match', positions: [prev] }
  }

  #probe(sequences: readonly number[]): SearchStep {
    if (sequences.length === 0) return this.#found()
    this.#state = { kind: 'probing', sequences }
    return { kind: 'probe', sequences }
  }

  #found(): SearchStep {
    this.#state = { kind: 'found' }
    const { position, localSequence } = this.#low
    return { kind: 'found', common: { position, localSequence } }
  }
}

function wrongAnswer(answer: string, state: State): Error {
  return new Error(`search of the last common record: got "${answer}" of another length, or while ${state.kind}`)
}
