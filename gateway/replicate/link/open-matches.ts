import { create } from '@bufbuild/protobuf'
import type { Position } from '@landbridge/core'
import {
  type MatchResponse,
  MatchResult,
  RefusalReason,
  type ReplicateRequest,
  ReplicateRequestSchema,
} from '@landbridge/proto'

/** "Which of these records does the origin still have?" */
export type MatchQuestion = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly origin: string
  /** 1 to 64. */
  readonly positions: readonly Position[]
  /** Regions that handed the question on, the one that asks first; default none. */
  readonly path?: readonly string[]
}

/** The answer: a result a position, in order; or why there is none now. */
export type MatchAnswer =
  | { readonly results: readonly MatchResult[]; readonly reason?: undefined }
  | { readonly results?: undefined; readonly reason: RefusalReason }

/** Longer than an origin behind several relays takes. */
const ANSWER_MS = 5_000
/** Questions of one stream at a time. */
const OPEN_MAX = 256

const UNAVAILABLE: MatchAnswer = { reason: RefusalReason.UNAVAILABLE }

/** The questions that wait for an answer on one stream. Each is answered once: by the peer, by time, or by the end. */
export class OpenMatches {
  readonly #open = new Map<number, (answer: MatchAnswer) => void>()
  #nextId = 1
  #ended = false

  /** Asks over `send`. Never rejects. */
  ask(question: MatchQuestion, send: (request: ReplicateRequest) => void): Promise<MatchAnswer> {
    if (this.#ended || this.#open.size >= OPEN_MAX) return Promise.resolve(UNAVAILABLE)
    const matchId = this.#nextId
    this.#nextId += 1
    return new Promise((resolve) => {
      const settle = (answer: MatchAnswer) => {
        clearTimeout(timer)
        this.#open.delete(matchId)
        resolve(answer)
      }
      const timer = setTimeout(settle, ANSWER_MS, UNAVAILABLE)
      this.#open.set(matchId, settle)
      send(matchRequest(matchId, question))
    })
  }

  take(response: MatchResponse): void {
    this.#open.get(response.matchId)?.(answerOf(response))
  }

  /** Answers all that are open. Idempotent. */
  end(): void {
    this.#ended = true
    for (const settle of [...this.#open.values()]) settle(UNAVAILABLE)
  }
}

function answerOf({ results, reason }: MatchResponse): MatchAnswer {
  if (results.length > 0 && !results.includes(MatchResult.UNSPECIFIED)) return { results }
  return { reason: reason === RefusalReason.UNSPECIFIED ? RefusalReason.UNAVAILABLE : reason }
}

function matchRequest(matchId: number, { topic, origin, positions, path = [] }: MatchQuestion): ReplicateRequest {
  const wire = positions.map(({ sequence, stamp }) => ({ sequence: BigInt(sequence), stamp }))
  return create(ReplicateRequestSchema, {
    request: { case: 'match', value: { matchId, topic, origin, positions: wire, path: [...path] } },
  })
}
