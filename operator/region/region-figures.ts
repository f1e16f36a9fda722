import { mergeLag, mergePeers } from '@landbridge/core'
import { askGateways } from '@landbridge/nats'
import type { Log } from '@landbridge/service'
import { type PeerFigures, peerFigures, type TopicFigures, topicFigures } from './figures.ts'
import type { RegionAccess } from './region-access.ts'
import { SteadyReadings } from './steady-readings.ts'

/** What asking the gateways for figures needs. */
export type RegionFiguresOptions = {
  readonly access: RegionAccess
  /** How many gateways there are; 0 while that is not known. */
  readonly gateways: () => number
  /** Whether anybody needs figures now. */
  readonly wanted: () => boolean
  readonly log: Log
  /** Something else is shown of a topic ("<tenant>/<topic>"), or of another region, than before. */
  readonly onTopic: (topic: string) => void
  readonly onPeer: (region: string) => void
  /** Between two readings, in ms. Default 10 s. */
  readonly everyMs?: number | undefined
}

const EVERY_MS = 10_000
/** Share of the time that may go into reading: 1 of so many. */
const REST_FACTOR = 20

/** How the region's replication goes, as its gateways tell when they are asked now and then. */
export class RegionFigures implements AsyncDisposable {
  readonly #options: RegionFiguresOptions
  readonly #topics = new SteadyReadings<TopicFigures>()
  readonly #peers = new SteadyReadings<PeerFigures>()
  #timer: NodeJS.Timeout | undefined
  #reading: Promise<void> | undefined
  #known = false
  #closed = false

  constructor(options: RegionFiguresOptions) {
    this.#options = options
    this.#schedule(options.everyMs ?? EVERY_MS)
  }

  /** Whether gateways have told anything yet. */
  get known(): boolean {
    return this.#known
  }

  /** Of a topic ("<tenant>/<topic>"); undefined when no gateway pulls it from anywhere. */
  topic(key: string): TopicFigures | undefined {
    return this.#topics.get(key)
  }

  /** Of another region; undefined when no gateway knows it. */
  peer(region: string): PeerFigures | undefined {
    return this.#peers.get(region)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#reading
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #schedule(waitMs: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#reading = this.#read()
    }, waitMs)
  }

  async #read(): Promise<void> {
    const { wanted, log, everyMs = EVERY_MS } = this.#options
    const begun = performance.now()
    try {
      if (wanted()) await this.#ask()
    } catch (err) {
      log.warn({ err }, 'the gateways could not be asked for figures')
    }
    this.#schedule(Math.max(everyMs, REST_FACTOR * (performance.now() - begun)))
  }

  async #ask(): Promise<void> {
    const { access, gateways, onTopic, onPeer } = this.#options
    const { session } = access
    const peers = await askGateways({ session, question: { about: 'peers' }, gateways })
    const lag = await askGateways({ session, question: { about: 'lag' }, gateways })
    // Nobody there to ask: what was told last stands.
    if (peers.answered === 0 || lag.answered === 0 || this.#closed) return
    const rows = mergeLag(lag.rows)
    const links = new Map(mergePeers(peers.rows).map((peer) => [peer.region, peer]))
    this.#known = true
    for (const topic of this.#topics.take(topicFigures(rows, links))) onTopic(topic)
    for (const region of this.#peers.take(peerFigures(rows, links.values()))) onPeer(region)
  }
}
