import { MeshError } from '@landbridge/core'
import type { Msg } from '@nats-io/nats-core'
import { type Log, silentLog } from '../log.ts'
import { FrameWriter } from '../outbound.ts'
import { requestError } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import { ensureGroup, UNSETTLED_MAX } from './group-consumer.ts'
import { type DeliveryInfo, deliveredMessage, type StoredMessage } from './message.ts'
import { Pull, type PullDemand, type PullTrouble } from './pull.ts'
import { keepOpen, type OpenLoop } from './reopen.ts'
import type { ReadStart } from './stream-reader.ts'

/** Names one delivery; good until it is settled, released, or its ack wait has passed. */
export type DeliveryHandle = { readonly reply: string; readonly epoch: number }

/** A record delivered to one member of a group. */
export type GroupMessage = StoredMessage & {
  readonly handle: DeliveryHandle
  /** 1 at the first delivery, then more. */
  readonly deliveries: number
}

/** Options of a `GroupReader`. */
export type GroupReaderOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** The group's durable consumer, made when missing. Letters, digits, '-' and '_', at most 200. */
  readonly group: string
  /** Subjects with wildcards; they must not overlap. */
  readonly filters: readonly string[]
  /** Where a new group begins; a group that is there goes on where it was. Default 'new'. */
  readonly start?: ReadStart
  /** How long the server waits for a settlement before it delivers again, in ms; fixed by the first member. Default 30,000. */
  readonly ackWaitMs?: number
  /** Deliveries given out to all members and not settled. Default 10,000. */
  readonly unsettledMax?: number
  /** An exception ends the reader with that error; unsettled messages are returned. */
  onMessage(message: GroupMessage): void
  /** Called once when the reader can go no further: undefined after close(), else why. */
  onEnd?(error: MeshError | undefined): void
  /** Messages asked for ahead; they count as unsettled. Default 500. */
  readonly windowMessages?: number
  /** Bytes asked for ahead. Default 4 MiB. */
  readonly windowBytes?: number
  /**
   * What can be handed on now. Nothing beyond it is asked for, so that a member without room keeps nothing from the
   * others; call `more()` when it has grown. Default: the windows alone.
   */
  demand?(): PullDemand
  readonly log?: Log
}

/** A member that stays paused for longer hands back what had been on its way. */
const HOLD_MS = 1_000
// Bytes: encoding the text anew for each acknowledgement took 5 % of a busy gateway's time.
const ACK_TEXT = '+ACK'
const ACK = Buffer.from(ACK_TEXT)
const IN_PROGRESS = '+WPI'
const RETURN = '-NAK'
const REASON_LENGTH_MAX = 512

/**
 * One member of a group: the members share the group's messages, each message goes to one of them at a time.
 *
 * 1. A message comes again until some member settles or terms it: after nack, release, or the ack wait.
 * 2. settle() resolves when the server has every settlement on record.
 * 3. release() and close() return what is unsettled at once, so that another member gets it without the ack wait.
 * 4. While paused it holds at most one window, for a second; then it goes back to the group.
 */
export class GroupReader implements AsyncDisposable {
  readonly #options: GroupReaderOptions
  readonly #loop: OpenLoop
  readonly #unsettled = new Set<string>()
  /** Acknowledgements are a group's most frequent messages, and the library's publish() is dear. */
  readonly #frames: FrameWriter
  #pull: Pull | undefined
  #paused = false
  /** Runs while paused. */
  #holding: NodeJS.Timeout | undefined
  #wasOpen = false
  #released: Promise<void> | undefined

  constructor(options: GroupReaderOptions) {
    this.#options = options
    this.#frames = new FrameWriter(options.session.connection)
    this.#loop = keepOpen({
      session: options.session,
      log: options.log ?? silentLog,
      name: `group ${options.group} of ${options.stream}`,
      open: (trouble) => this.#open(trouble),
      onEnd: (error) => {
        void this.release()
        options.onEnd?.(error)
      },
    })
  }

  /** Given to onMessage and not settled. */
  get unsettled(): number {
    return this.#unsettled.size
  }

  /** No onMessage is called after this until resume(). */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#pull?.pause()
    this.#holding = setInterval(() => this.#giveBackHeld(), HOLD_MS)
    this.#holding.unref()
  }

  resume(): void {
    this.#stopHolding()
    this.#paused = false
    this.#pull?.resume()
  }

  /** `demand` has grown. */
  more(): void {
    this.#pull?.more()
  }

  /**
   * Marks the deliveries as handled for good, and resolves when the server has that on record. Rejects with an
   * ambiguous MeshError when it may not have it: the messages may come again.
   * @param timeoutMs default 5,000
   */
  async settle(handles: readonly DeliveryHandle[], timeoutMs = 5_000): Promise<void> {
    const last = handles[handles.length - 1]
    if (last === undefined) return
    const { session, stream } = this.#options
    const action = `settle in ${stream}`
    if (!session.connected) {
      throw new MeshError('unavailable', `${action}: there is no connection to NATS`, { retryAfterMs: 250 })
    }
    // The server takes a consumer's acknowledgements from one connection in order, so the last one's answer covers all.
    for (const handle of handles) if (handle !== last) this.#frames.appendText(handle.reply, ACK_TEXT)
    this.#frames.flush()
    try {
      await session.connection.request(last.reply, ACK, { timeout: timeoutMs })
    } catch (cause) {
      const { code, message } = requestError(action, cause)
      throw new MeshError(code, message, { cause, ambiguous: true, retryAfterMs: 250 })
    }
    for (const handle of handles) this.#unsettled.delete(handle.reply)
  }

  /** Has it delivered again after `delayMs`; 0: at once. Not confirmed: if it is lost, the ack wait does the same. */
  nack(handle: DeliveryHandle, delayMs: number): void {
    this.#answer(handle, delayMs > 0 ? `${RETURN} {"delay": ${Math.round(delayMs * 1e6)}}` : RETURN)
    this.#unsettled.delete(handle.reply)
  }

  /** Has it never delivered again. Not confirmed. `reason` goes into the server's advisory. */
  term(handle: DeliveryHandle, reason: string): void {
    this.#answer(handle, `+TERM ${reason.replace(/\s+/g, ' ').slice(0, REASON_LENGTH_MAX)}`)
    this.#unsettled.delete(handle.reply)
  }

  /** Starts the ack wait again. */
  inProgress(handle: DeliveryHandle): void {
    this.#answer(handle, IN_PROGRESS)
  }

  /** Stops delivery and returns every unsettled message at once. Joins a release in progress. */
  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async close(): Promise<void> {
    await this.release()
    await this.#loop.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #release(): Promise<void> {
    const { session } = this.#options
    this.#stopHolding()
    // The pull first: what is returned while it is open at the server may come right back to it.
    await this.#pull?.drain((message) => this.#giveBack(message.reply))
    for (const reply of this.#unsettled) this.#giveBack(reply)
    this.#unsettled.clear()
    if (session.connected) await session.connection.flush().catch(() => undefined)
    this.#pull = undefined
    void this.#loop.close()
  }

  #giveBack(reply: string | undefined): void {
    const { session } = this.#options
    if (reply !== undefined && session.connected) session.connection.publish(reply, RETURN)
  }

  #giveBackHeld(): void {
    this.#pull?.takeHeld((message) => this.#giveBack(message.reply))
  }

  #stopHolding(): void {
    clearInterval(this.#holding)
    this.#holding = undefined
  }

  /** Deliveries whose ack wait has passed were given to others, and are never settled here. */
  #forgetOldest(): void {
    if (this.#unsettled.size <= (this.#options.unsettledMax ?? UNSETTLED_MAX)) return
    for (const reply of this.#unsettled) {
      this.#unsettled.delete(reply)
      return
    }
  }

  #answer(handle: DeliveryHandle, text: string): void {
    const { session } = this.#options
    if (session.connected) session.connection.publish(handle.reply, text)
  }

  async #open(onTrouble: (trouble: PullTrouble) => void): Promise<() => Promise<void>> {
    const { session, stream, group, windowMessages = 500, windowBytes = 4 * 1024 * 1024 } = this.#options
    await ensureGroup(this.#options, this.#wasOpen)
    this.#wasOpen = true
    // What was given out before has not changed hands; what the old pull still held comes again after the ack wait.
    if (this.#released === undefined) {
      this.#pull = new Pull(
        {
          session,
          stream,
          consumer: group,
          windowMessages,
          windowBytes,
          ...(this.#options.demand === undefined ? {} : { demand: () => this.#demand() }),
          onMessage: (message, delivery) => this.#receive(message, delivery),
          onTrouble,
        },
        this.#paused,
      )
    }
    return async () => {
      // A pull that is over on this side may still be open at the server: hand back what it brings.
      await this.#pull?.drain((message) => this.#giveBack(message.reply))
    }
  }

  #demand(): PullDemand {
    return this.#options.demand?.() ?? { messages: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
  }

  #receive(message: Msg, delivery: DeliveryInfo): void {
    const reply = message.reply ?? ''
    this.#unsettled.add(reply)
    this.#forgetOldest()
    const stored = deliveredMessage(message, delivery)
    const handle = { reply, epoch: this.#options.session.epoch }
    try {
      this.#options.onMessage({
        subject: stored.subject,
        sequence: stored.sequence,
        stampNs: stored.stampNs,
        payload: stored.payload,
        pending: stored.pending,
        header: (name) => stored.header(name),
        handle,
        deliveries: delivery.deliveries,
      })
    } catch (error) {
      this.#loop.fail(MeshError.from(error))
    }
  }
}
