import { type Position, samePosition } from './position.ts'

/**
 * What an upstream answered when it was asked for what follows a position:
 * - "gap": the origin does not keep the records right behind it any more.
 * - "cannot-serve": it cannot place the position, or may not serve it.
 */
export type GapAnswer = 'gap' | 'cannot-serve'

/** A region that may have the records. */
export type GapUpstream = {
  readonly region: string
  /** Its link is up: it can be asked. */
  readonly up: boolean
}

/** What is known of the records right behind one position. */
export type GapAnswers = {
  readonly position: Position
  /** Since when the first answer is known; milliseconds of a clock that is never set back. */
  readonly sinceMs: number
  /** When the newest answer came, by the same clock. */
  readonly heardMs: number
  /** The newest answer of each region; bounded by the number of regions. */
  readonly answers: ReadonlyMap<string, GapAnswer>
}

/** An upstream may be behind, restart or lose its link just when it is asked: each gets that long to serve after all. */
export const GAP_WAIT_MS = 5_000
/** As long as not every upstream has answered. Events that only one of them has are lost to this region afterwards. */
export const GAP_WAIT_UNHEARD_MS = 60_000

/** Upstreams that refuse are asked again within a minute or so; what is older than this may have changed. */
const FORGET_MS = 180_000

/** Takes note of an answer; one about another position, or after a long silence, replaces all that was known. */
export function withGapAnswer(
  known: GapAnswers | undefined,
  answer: {
    readonly position: Position
    readonly region: string
    readonly answer: GapAnswer
    readonly nowMs: number
  },
): GapAnswers {
  const { position, region, nowMs } = answer
  const same = known !== undefined && samePosition(known.position, position) && nowMs - known.heardMs < FORGET_MS
  const answers = new Map(same ? known.answers : []).set(region, answer.answer)
  return { position, sinceMs: same ? known.sinceMs : nowMs, heardMs: nowMs, answers }
}

/**
 * Whether a retention gap may be written down, so that the origin's events go on behind it. What lies in the gap is
 * then never asked for again, so:
 *
 * 1. Somebody must have said "gap": that word comes from the origin, whoever passes it on.
 * 2. Nobody of whom an answer is known may be able to serve, and each upstream gets its time to answer: `GAP_WAIT_MS` in
 *    all when everyone has answered, `GAP_WAIT_UNHEARD_MS` when somebody has not, or is away.
 */
export function mayWriteGap(known: GapAnswers | undefined, upstreams: readonly GapUpstream[], nowMs: number): boolean {
  if (known === undefined || ![...known.answers.values()].includes('gap')) return false
  const allHeard = upstreams.every(({ region, up }) => up && known.answers.has(region))
  return nowMs - known.sinceMs >= (allHeard ? GAP_WAIT_MS : GAP_WAIT_UNHEARD_MS)
}
