import { MeshError, type Position } from '@landbridge/core'
import { type MatchResponse, MatchResult, RefusalReason } from '@landbridge/proto'

/** Which of these records does the origin still have? */
export type MatchQuestion = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly origin: string
  /** 1 to 64 records of that origin. */
  readonly positions: readonly Position[]
  /** Regions that handed the question on, the first one first. Default none. */
  readonly path?: readonly string[]
}

/** What the origin says of one record: it has it, it never had it in this log, or it keeps nothing that old. */
export type MatchAnswer = 'present' | 'absent' | 'expired'

const ANSWERS: Readonly<Record<number, MatchAnswer>> = {
  [MatchResult.PRESENT]: 'present',
  [MatchResult.ABSENT]: 'absent',
  [MatchResult.EXPIRED]: 'expired',
}

const QUESTIONS_MAX = 256
const ANSWER_MS = 10_000

type Waiting = {
  readonly count: number
  resolve(answers: readonly MatchAnswer[]): void
  reject(error: MeshError): void
}

/** Questions of one stream that wait for their answers. */
export class Questions {
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  /**
   * Asks, and waits for the answer: one for each position.
   * @param send sends the question with this id
   * @throws MeshError 'unavailable' when it cannot be answered now, 'permission_denied' when it may not be asked
   */
  ask(count: number, send: (id: number) => void): Promise<readonly MatchAnswer[]> {
    if (this.#waiting.size >= QUESTIONS_MAX) return Promise.reject(noAnswer(`${QUESTIONS_MAX} questions are open`))
    this.#lastId += 1
    const id = this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<readonly MatchAnswer[]>()
    const timer = setTimeout(() => reject(noAnswer(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS)
    this.#waiting.set(id, { count, resolve, reject })
    send(id)
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(id)
    })
  }

  /** An answer came. */
  take({ matchId, results, reason }: MatchResponse): void {
    const waiting = this.#waiting.get(matchId)
    if (waiting === undefined) return
    if (reason === RefusalReason.NOT_ALLOWED) {
      waiting.reject(new MeshError('permission_denied', 'match records: the peer does not exchange this topic with us'))
      return
    }
    const answers = results.map((result) => ANSWERS[result]).filter((answer) => answer !== undefined)
    if (answers.length === waiting.count) waiting.resolve(answers)
    else waiting.reject(noAnswer(`the peer says ${RefusalReason[reason] ?? reason}`))
  }

  /** Nothing will come any more. */
  end(why: string): void {
    for (const { reject } of [...this.#waiting.values()]) reject(noAnswer(why))
  }
}

function noAnswer(why: string): MeshError {
  return new MeshError('unavailable', `match records: ${why}`, { retryAfterMs: 250 })
}
