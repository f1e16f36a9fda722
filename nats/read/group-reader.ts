import { MeshError } from '@landbridge/core'
import type { Msg } from '@nats-io/nats-core'
import { askJetStream } from '../api.ts'
import { type Log, silentLog } from '../log.ts'
import { isServerError, requestError, SERVER_ERROR } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import { type DeliveryInfo, deliveredMessage, type StoredMessage } from './message.ts'
import { Pull, type PullTrouble } from './pull.ts'
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
  /** How long the server waits for a settlement before it delivers again, in ms. Default 30,000. */
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
  readonly log?: Log
}

const UNSETTLED_MAX = 10_000
const ACK = '+ACK'
const IN_PROGRESS = '+WPI'
const RETURN = '-NAK'
const REASON_LENGTH_MAX = 512

/**
 * One member of a group: the members share the group's messages, each message goes to one of them at a time.
 *
 * 1. A message comes again until some member settles or terms it: after nack, release, or the ack wait.
 * 2. settle() resolves when the server has every settlement on record.
 * 3. release() and close() return what is unsettled at once, so that another member gets it without the ack wait.
 * 4. While paused it holds at most one window.
 */
export class GroupReader implements AsyncDisposable {
  readonly #options: GroupReaderOptions
  readonly #loop: OpenLoop
  readonly #unsettled = new Set<string>()
  #pull: Pull | undefined
  #paused = false
  #wasOpen = false
  #released: Promise<void> | undefined

  constructor(options: GroupReaderOptions) {
    this.#options = options
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
    this.#paused = true
    this.#pull?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#pull?.resume()
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
    for (const handle of handles) if (handle !== last) session.connection.publish(handle.reply, ACK)
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
    const returnOne = (reply: string | undefined) => {
      if (reply !== undefined && session.connected) session.connection.publish(reply, RETURN)
    }
    for (const reply of this.#unsettled) returnOne(reply)
    this.#unsettled.clear()
    await this.#pull?.drain((message) => returnOne(message.reply))
    if (session.connected) await session.connection.flush().catch(() => undefined)
    this.#pull = undefined
    void this.#loop.close()
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
    await this.#ensureConsumer()
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
          onMessage: (message, delivery) => this.#receive(message, delivery),
          onTrouble,
        },
        this.#paused,
      )
    }
    return async () => {
      // A pull that is over on this side may still be open at the server: hand back what it brings.
      await this.#pull?.drain((message) => {
        if (message.reply !== undefined && session.connected) session.connection.publish(message.reply, RETURN)
      })
    }
  }

  async #ensureConsumer(): Promise<void> {
    const { session, stream, group } = this.#options
    const subject = `CONSUMER.CREATE.${stream}.${group}`
    const wanted = this.#consumerConfig()
    let existing: { readonly config: Readonly<Record<string, unknown>> }
    try {
      existing = await askJetStream(session, `CONSUMER.INFO.${stream}.${group}`)
    } catch (error) {
      if (!isServerError(error, SERVER_ERROR.consumerNotFound)) throw error
      if (this.#wasOpen) {
        throw new MeshError('out_of_range', `group ${group} of ${stream}: it was deleted, and its position with it`)
      }
      const config = { ...wanted, ...this.#beginning() }
      await askJetStream(session, subject, { stream_name: stream, config, action: 'create' }).catch(ignoreExisting)
      return
    }
    const differs = Object.entries(wanted).some(
      ([key, value]) => JSON.stringify(existing.config[key]) !== JSON.stringify(value),
    )
    if (!differs) return
    const { filter_subject, filter_subjects, ...kept } = existing.config
    await askJetStream(session, subject, { stream_name: stream, config: { ...kept, ...wanted }, action: 'update' })
  }

  #consumerConfig(): Readonly<Record<string, unknown>> {
    const { group, filters, ackWaitMs = 30_000, unsettledMax = UNSETTLED_MAX } = this.#options
    const filter = filters.length === 1 ? { filter_subject: filters[0] } : { filter_subjects: filters }
    return {
      name: group,
      durable_name: group,
      ...(filters.length === 0 ? {} : filter),
      ack_policy: 'explicit',
      ack_wait: ackWaitMs * 1e6,
      max_ack_pending: unsettledMax,
      max_deliver: -1,
    }
  }

  #beginning(): object {
    const start = this.#options.start ?? 'new'
    if (start === 'new' || start === 'all') return { deliver_policy: start }
    if ('sequence' in start) return { deliver_policy: 'by_start_sequence', opt_start_seq: Math.max(1, start.sequence) }
    return { deliver_policy: 'by_start_time', opt_start_time: new Date(start.timeMs).toISOString() }
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

/** Two members may make the group at the same moment. */
function ignoreExisting(error: unknown): void {
  const consumerExists = 10148
  const consumerNameExists = 10013
  if (!isServerError(error, consumerExists, consumerNameExists)) throw error
}
