import {
  type AppliedRow,
  formatRegionAnswer,
  type LagRow,
  mergeLag,
  mergePeers,
  type PeerStatus,
  parseRegionQuestion,
  REGION_VIEW_SUBJECT,
  type RegionQuestion,
  UNKNOWN_LAG,
} from '@landbridge/core'
import { askGateways, type NatsSession, Responder } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'

/** What one gateway knows. */
export type GatewayReadings = {
  lag(topicKey?: string): readonly LagRow[]
  peers(): readonly PeerStatus[]
  /** Every origin of every topic, or of one, that this region wants to have, whoever pulls it. */
  wanted(topicKey?: string): readonly { readonly topic: string; readonly origin: string }[]
  /** How far other regions have this region's own events of a topic, as far as they pull them from this gateway. */
  applied(topicKey: string): readonly AppliedRow[]
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

/** What is known of a pull of which no gateway tells. */
const NOBODYS = { ...UNKNOWN_LAG, problem: 'no gateway of this region pulls it now, as far as they answer' }

/** What all gateways of a region know of its replication, asked from any of them: each pulls only its share. */
export class RegionView implements Disposable {
  readonly #options: RegionViewOptions
  readonly #responder: Responder

  constructor(options: RegionViewOptions) {
    const { session, log } = options
    this.#options = options
    this.#responder = new Responder({
      session,
      subject: REGION_VIEW_SUBJECT,
      answer: (bytes) => this.#answer(bytes),
      log,
    })
  }

  /** How far the region is behind each origin of each topic, or of one ("<tenant>/<topic>"). Never rejects. */
  async lag(topicKey?: string): Promise<LagRow[]> {
    const rows = await this.#ask({ about: 'lag', topic: topicKey })
    const { own } = this.#options
    const nobodys = own.wanted(topicKey).map((pull) => ({ ...NOBODYS, ...pull }))
    return mergeLag([...own.lag(topicKey), ...rows, ...nobodys])
  }

  /** The links to other regions. Never rejects. */
  async peers(): Promise<PeerStatus[]> {
    const rows = await this.#ask({ about: 'peers' })
    return mergePeers([...this.#options.own.peers(), ...rows])
  }

  /** Answers others no more. Idempotent. */
  close(): void {
    this.#responder.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #answer(bytes: Uint8Array): Iterable<string> {
    const question = parseRegionQuestion(Buffer.from(bytes).toString())
    return question === undefined ? [] : formatRegionAnswer(this.#options.gateway, this.#rowsFor(question))
  }

  #rowsFor(question: RegionQuestion): readonly unknown[] {
    const { own } = this.#options
    if (question.about === 'peers') return own.peers()
    return question.about === 'lag' ? own.lag(question.topic) : own.applied(question.topic)
  }

  /** The rows of the other gateways. */
  async #ask<About extends 'lag' | 'peers'>(question: Extract<RegionQuestion, { readonly about: About }>) {
    const { session, gateway, gateways } = this.#options
    if (gateways() === 1) return []
    const { rows } = await askGateways<About>({ session, question, gateways, except: gateway })
    return rows
  }
}
