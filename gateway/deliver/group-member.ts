import { MeshError } from '@landbridge/core'
import {
  type DeliveryHandle,
  type GroupMessage,
  GroupReader,
  type NatsSession,
  type PullDemand,
  type ReadStart,
} from '@landbridge/nats'
import type { Log } from '../telemetry/index.ts'
import type { TopicEntry } from '../topics.ts'
import { type Source, WHOLE_STREAM, WINDOW_BYTES } from './source.ts'

/** What a group member needs. */
export type GroupMemberOptions = {
  readonly session: NatsSession
  readonly topic: TopicEntry
  readonly group: string
  /** Where a new group begins. */
  readonly start: ReadStart
  readonly ackWaitMs: number
  /** What the subscriber has room for: more is never asked for, because it would be kept from the other members. */
  readonly demand: () => PullDemand
  readonly log: Log
  /** An event of the group; its delivery id settles it. */
  readonly onEvent: (message: GroupMessage, deliveryId: number) => void
  readonly onEnd: (error: MeshError | undefined) => void
}

/** What became of the delivery ids of one request. */
export type Settlement = {
  /** Settled for good. */
  readonly settled: readonly bigint[]
  /** Not owned by this stream any more. */
  readonly unknown: readonly bigint[]
}

type Outstanding = { readonly handle: DeliveryHandle; readonly endsMs: number }

/**
 * One subscriber as a member of its group. Guarantees:
 * 1. A delivery id settles at most once, and only while the acknowledgement wait has not passed.
 * 2. `ack` resolves when the server has it on record; what it may not have is told as unknown.
 * 3. After `close` everything unsettled was returned to the group at once.
 */
export class GroupMember implements Source {
  readonly #options: GroupMemberOptions
  readonly #reader: GroupReader
  /** In the order in which their wait ends. */
  readonly #outstanding = new Map<bigint, Outstanding>()
  #lastId = 0

  constructor(options: GroupMemberOptions) {
    this.#options = options
    const { session, topic, group, start, ackWaitMs, demand, log } = options
    this.#reader = new GroupReader({
      session,
      stream: topic.stream,
      group,
      filters: WHOLE_STREAM,
      start,
      ackWaitMs,
      demand,
      windowBytes: WINDOW_BYTES,
      log,
      onMessage: (message) => this.#receive(message),
      onEnd: options.onEnd,
    })
  }

  /** Deliveries that are not settled. */
  get unsettled(): number {
    return this.#outstanding.size
  }

  pause(): void {
    this.#reader.pause()
  }

  resume(): void {
    this.#reader.resume()
  }

  /** The demand has grown. */
  more(): void {
    this.#reader.more()
  }

  /** Handled: never again. */
  async ack(ids: readonly bigint[]): Promise<Settlement> {
    const { taken, unknown } = this.#take(ids)
    if (taken.size === 0) return { settled: [], unknown }
    try {
      await this.#reader.settle([...taken.values()])
      return { settled: [...taken.keys()], unknown }
    } catch (error) {
      this.#options.log.warn({ err: error, topic: this.#options.topic.key }, 'acknowledgements could not be confirmed')
      return { settled: [], unknown: [...unknown, ...taken.keys()] }
    }
  }

  /** Not handled: again after the delay, in ms. */
  async nack(ids: readonly bigint[], delayMs: number): Promise<Settlement> {
    const { taken, unknown } = this.#take(ids)
    for (const handle of taken.values()) this.#reader.nack(handle, delayMs)
    await this.#confirm()
    return { settled: [...taken.keys()], unknown }
  }

  /** Cannot be handled by anyone. */
  async reject(ids: readonly bigint[], reason: string): Promise<Settlement> {
    const { taken, unknown } = this.#take(ids)
    for (const handle of taken.values()) this.#reader.term(handle, reason)
    await this.#confirm()
    return { settled: [...taken.keys()], unknown }
  }

  /** Still at it: the wait starts again. Ids that are not owned are returned. */
  extend(ids: readonly bigint[]): readonly bigint[] {
    const { taken, unknown } = this.#take(ids)
    for (const [id, handle] of taken) {
      this.#reader.inProgress(handle)
      this.#keep(id, handle)
    }
    return unknown
  }

  async close(): Promise<void> {
    this.#outstanding.clear()
    await this.#reader.close()
  }

  #receive(message: GroupMessage): void {
    this.#forgetExpired()
    this.#lastId += 1
    this.#keep(BigInt(this.#lastId), message.handle)
    this.#options.onEvent(message, this.#lastId)
  }

  /** Settles a record that is no event, so that the group does not bring it again. */
  skip(message: GroupMessage): void {
    void this.#reader.settle([message.handle]).catch(() => undefined)
  }

  #keep(id: bigint, handle: DeliveryHandle): void {
    this.#outstanding.set(id, { handle, endsMs: performance.now() + this.#options.ackWaitMs })
  }

  #take(ids: readonly bigint[]): { taken: Map<bigint, DeliveryHandle>; unknown: bigint[] } {
    this.#forgetExpired()
    const taken = new Map<bigint, DeliveryHandle>()
    const unknown: bigint[] = []
    for (const id of ids) {
      const found = this.#outstanding.get(id)
      if (found === undefined) unknown.push(id)
      else {
        this.#outstanding.delete(id)
        taken.set(id, found.handle)
      }
    }
    return { taken, unknown }
  }

  /** The server has given them to others, or will: this stream does not own them any more. */
  #forgetExpired(): void {
    const nowMs = performance.now()
    for (const [id, { endsMs }] of this.#outstanding) {
      if (endsMs > nowMs) return
      this.#outstanding.delete(id)
    }
  }

  /** The connection's order makes an answered ping say that what was sent before has arrived. */
  async #confirm(): Promise<void> {
    await this.#options.session.connection.flush().catch((cause: unknown) => {
      throw new MeshError('unavailable', 'settle: the connection to the store is gone', { cause, ambiguous: true })
    })
  }
}
