import { createInbox, type Msg, type Subscription } from '@nats-io/nats-core'
import type { NatsSession } from '../session.ts'
import { type DeliveryInfo, readDelivery } from './message.ts'

/** Why a pull cannot go on by itself. */
export type PullTrouble = 'silent' | 'gone' | 'interrupted'

/** What a reader can hand on at once. */
export type PullDemand = { readonly messages: number; readonly bytes: number }

/** Options of a `Pull`. */
export type PullOptions = {
  readonly session: NatsSession
  readonly stream: string
  readonly consumer: string
  readonly windowMessages: number
  readonly windowBytes: number
  /** What may be asked for now; default: windows alone decide. `bytes` Infinity: messages alone decide. */
  demand?(): PullDemand
  onMessage(message: Msg, info: DeliveryInfo): void
  /** Called once; the pull does nothing more. */
  onTrouble(trouble: PullTrouble): void
}

const EXPIRES_MS = 30_000
const HEARTBEAT_MS = 1_500
const SILENCE_MS = 4_000
const WATCH_MS = 500

/**
 * Keeps a consumer's messages coming: asks for half a window when less than half is on the way, and notices when the
 * server has gone quiet.
 *
 * At most one window of messages, and one of bytes plus one message, is on the way or held while paused. With `demand`
 * never more than that is on the way, plus one message when bytes are counted.
 */
export class Pull {
  readonly #options: PullOptions
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  readonly #watch: NodeJS.Timeout
  readonly #held: { readonly message: Msg; readonly info: DeliveryInfo }[] = []
  #onTheWay = 0
  #lastHeardMs = Date.now()
  #receivedSinceAsk = 0
  #askForOne = false
  #paused: boolean
  #over = false
  #onLate: ((message: Msg) => void) | undefined

  constructor(options: PullOptions, paused: boolean) {
    this.#options = options
    this.#paused = paused
    this.#subscription = options.session.connection.subscribe(`${this.#inbox}.>`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message)
      },
    })
    this.#watch = setInterval(() => this.#checkSilence(), WATCH_MS)
    this.#ask()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.#lastHeardMs = Date.now()
    let index = 0
    for (; index < this.#held.length && !this.#isBlocked(); index++) {
      const held = this.#held[index]
      if (held !== undefined) this.#options.onMessage(held.message, held.info)
    }
    this.#held.splice(0, index)
    this.#ask()
  }

  /** `demand` has grown. */
  more(): void {
    this.#ask()
  }

  /** While paused: takes what is held. */
  takeHeld(take: (message: Msg) => void): void {
    for (const { message } of this.#held.splice(0)) take(message)
  }

  /** Ends it at once; what is held or on the way is forgotten. */
  stop(): void {
    this.#end()
    if (!this.#subscription.isClosed()) this.#subscription.unsubscribe()
  }

  /** Ends it, giving what is held and what is still arriving to `give`. */
  async drain(give: (message: Msg) => void): Promise<void> {
    if (this.#over) return
    this.#end()
    this.#onLate = give
    for (const { message } of this.#held.splice(0)) give(message)
    if (this.#options.session.connected) await this.#subscription.drain().catch(() => undefined)
    else this.#subscription.unsubscribe()
  }

  #isBlocked(): boolean {
    return this.#paused || this.#over
  }

  #end(): void {
    this.#over = true
    clearInterval(this.#watch)
  }

  #trouble(trouble: PullTrouble): void {
    if (this.#over) return
    this.stop()
    this.#options.onTrouble(trouble)
  }

  #receive(message: Msg): void {
    this.#lastHeardMs = Date.now()
    if (message.subject.startsWith(this.#inbox)) {
      if (!this.#over) this.#receiveStatus(message)
      return
    }
    const info = readDelivery(message.reply ?? '')
    if (info === undefined) return
    if (this.#over) {
      this.#onLate?.(message)
      return
    }
    this.#onTheWay--
    this.#receivedSinceAsk++
    if (this.#paused) this.#held.push({ message, info })
    else this.#options.onMessage(message, info)
    this.#ask()
  }

  /** How a request ended, or a heartbeat. */
  #receiveStatus(message: Msg): void {
    const code = message.headers?.code ?? 0
    const text = message.headers?.description ?? ''
    if (code === 100) return
    if (code === 409 && /deleted/i.test(text)) {
      this.#trouble('gone')
      return
    }
    const unserved = Number.parseInt(message.headers?.get('Nats-Pending-Messages') ?? '', 10)
    if (Number.isNaN(unserved)) {
      // No leader, another leader, a server that shuts down: what was asked for is forgotten there.
      if (code >= 400) this.#trouble('interrupted')
      return
    }
    this.#onTheWay = Math.max(0, this.#onTheWay - unserved)
    // A record larger than half the window of bytes must get through all the same.
    if (/exceeds maxbytes/i.test(text) && this.#receivedSinceAsk === 0) this.#askForOne = true
    this.#ask()
  }

  #ask(): void {
    const half = Math.max(1, Math.floor(this.#options.windowMessages / 2))
    if (this.#isBlocked() || this.#onTheWay > half || !this.#options.session.connected) return
    if (this.#askForOne && this.#onTheWay > 0) return
    const { batch, bytes } = this.#room(half)
    if (batch < 1) return
    const limit = this.#askForOne ? {} : { max_bytes: bytes }
    this.#askForOne = false
    this.#receivedSinceAsk = 0
    this.#onTheWay += batch
    const { session, stream, consumer } = this.#options
    const prefix = session.domain === undefined ? '$JS.API' : `$JS.${session.domain}.API`
    const body = { batch, ...limit, expires: EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 }
    session.connection.publish(`${prefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(body), {
      reply: `${this.#inbox}.n`,
    })
  }

  /** How much the next request may ask for; a batch of 0: nothing now. */
  #room(half: number): { readonly batch: number; readonly bytes: number } {
    const { windowBytes } = this.#options
    const demand = this.#options.demand?.() ?? { messages: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
    const messages = Math.min(half, demand.messages - this.#onTheWay)
    // The size of what is on the way is not known: while bytes are short, one request at a time.
    const bytesShort = demand.bytes < windowBytes && this.#onTheWay > 0
    // A request for a few is worth its while only if nothing else is to come.
    const few = this.#onTheWay > 0 && messages < half / 4
    const batch = bytesShort || few || demand.bytes <= 0 ? 0 : this.#askForOne ? Math.min(1, messages) : messages
    return { batch, bytes: Math.max(1, Math.floor(Math.min(windowBytes / 2, demand.bytes))) }
  }

  #checkSilence(): void {
    if (this.#isBlocked()) return
    if (Date.now() - this.#lastHeardMs > SILENCE_MS) this.#trouble('silent')
    else this.#ask()
  }
}
