import { askAll, type NatsSession, Responder } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import { type LagRow, mergeLag, mergePeers, type PeerStatus } from '../status.ts'

/** What one gateway knows. */
export type GatewayReadings = {
  lag(topicKey?: string): readonly LagRow[]
  peers(): readonly PeerStatus[]
  /** Every origin of every topic, or of one, that this region wants to have, whoever pulls it. */
  wanted(topicKey?: string): readonly { readonly topic: string; readonly origin: string }[]
}

/** What a region view needs. */
export type RegionViewOptions = {
  readonly session: NatsSession
  /** Name of this gateway. */
  readonly gateway: string
  /** How many gateways of the region there are, this one included; 0 while that is not known. */
  readonly gateways: () => number
  readonly own: GatewayReadings
  readonly log: Log
}

type Question = { readonly about: 'lag'; readonly topic?: string | undefined } | { readonly about: 'peers' }

/** One message of an answer; a gateway's answer ends with one that is the last. */
type Answer = { readonly gateway: string; readonly last: boolean; readonly rows: readonly unknown[] }

const SUBJECT = 'lb-gateways.view'
/** A gateway that has not answered by then is left out: what it knows shows with the next question. */
const ANSWER_MS = 300
/** Keeps a message far below the server's limit. */
const ROWS_A_MESSAGE = 1_000
const ANSWERS_MAX = 1_000

/** What is known of a pull of which no gateway tells. */
const NOBODYS: Omit<LagRow, 'topic' | 'origin'> = {
  events: 0,
  seconds: 0,
  known: false,
  appliedSequence: 0,
  headSequence: 0,
  reportedMs: undefined,
  upstream: undefined,
  gateway: undefined,
  watermarkMs: undefined,
  problem: 'no gateway of this region pulls it now, as far as they answer',
  gaps: 0,
}

/** What all gateways of a region know of its replication, asked from any of them: each pulls only its share. */
export class RegionView implements Disposable {
  readonly #options: RegionViewOptions
  readonly #responder: Responder

  constructor(options: RegionViewOptions) {
    const { session, log } = options
    this.#options = options
    this.#responder = new Responder({ session, subject: SUBJECT, answer: (bytes) => this.#answer(bytes), log })
  }

  /** How far the region is behind each origin of each topic, or of one ("<tenant>/<topic>"). Never rejects. */
  async lag(topicKey?: string): Promise<LagRow[]> {
    const rows = await this.#ask({ about: 'lag', topic: topicKey }, isLagRow)
    const { own } = this.#options
    const nobodys = own.wanted(topicKey).map((pull) => ({ ...NOBODYS, ...pull }))
    return mergeLag([...own.lag(topicKey), ...rows, ...nobodys])
  }

  /** The links to other regions. Never rejects. */
  async peers(): Promise<PeerStatus[]> {
    const rows = await this.#ask({ about: 'peers' }, isPeerStatus)
    return mergePeers([...this.#options.own.peers(), ...rows])
  }

  /** Answers others no more. Idempotent. */
  close(): void {
    this.#responder.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  *#answer(bytes: Uint8Array): Iterable<string> {
    const { own, gateway } = this.#options
    const question = parse(bytes, isQuestion)
    if (question === undefined) return
    const rows = question.about === 'peers' ? own.peers() : own.lag(question.topic)
    for (let from = 0; from === 0 || from < rows.length; from += ROWS_A_MESSAGE) {
      const answer: Answer = {
        gateway,
        last: from + ROWS_A_MESSAGE >= rows.length,
        rows: rows.slice(from, from + ROWS_A_MESSAGE),
      }
      yield JSON.stringify(answer)
    }
  }

  /** The rows of the other gateways. */
  async #ask<Row>(question: Question, isRow: (value: unknown) => value is Row): Promise<Row[]> {
    const { session, gateway, gateways } = this.#options
    if (gateways() === 1) return []
    const ended = new Set<string>()
    const rows: Row[] = []
    await askAll({
      session,
      subject: SUBJECT,
      question: JSON.stringify(question),
      timeoutMs: ANSWER_MS,
      answersMax: ANSWERS_MAX,
      enough: (answers) => {
        const newest = answers.at(-1)
        const answer = newest === undefined ? undefined : parse(newest, isAnswer)
        if (answer === undefined) return false
        if (answer.gateway !== gateway) rows.push(...answer.rows.filter(isRow))
        if (answer.last) ended.add(answer.gateway)
        return gateways() > 0 && ended.size >= gateways()
      },
    })
    return rows
  }
}

function parse<T>(bytes: Uint8Array, is: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString())
    return is(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isQuestion(value: unknown): value is Question {
  return isRecord(value) && (value.about === 'lag' || value.about === 'peers')
}

function isAnswer(value: unknown): value is Answer {
  return isRecord(value) && typeof value.gateway === 'string' && Array.isArray(value.rows)
}

// A gateway of the same mesh wrote them: a field that a newer or older version leaves out reads as unknown.
function isLagRow(value: unknown): value is LagRow {
  return isRecord(value) && typeof value.topic === 'string' && typeof value.origin === 'string'
}

function isPeerStatus(value: unknown): value is PeerStatus {
  return isRecord(value) && typeof value.region === 'string' && Array.isArray(value.endpoints)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
