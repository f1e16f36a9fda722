import { create } from '@bufbuild/protobuf'
import { isControlSubject, MeshError, type RawDelivery, scanEvent } from '@landbridge/core'
import type { StoredMessage } from '@landbridge/nats'
import { messageCodec, type SubscribeResponse, SubscribeResponseSchema } from '@landbridge/proto'
import type { Access } from '../auth/index.ts'
import {
  ephemeralSource,
  GroupMember,
  groupAckWaitMs,
  Outbox,
  Pace,
  readStartOf,
  type Settlement,
  type Source,
  type Start,
} from '../deliver/index.ts'
import { msOf } from '../time.ts'
import type { TopicEntry } from '../topics.ts'
import { type CallContext, principalOf } from './call-context.ts'
import { statusOf } from './status.ts'
import { StreamGuard } from './stream-guard.ts'
import type { SubscribeCall, SubscribeTools, SubscriptionRequest } from './subscribe.ts'

const codec = messageCodec(SubscribeResponseSchema)
/** Requests to settle that may wait for the server before nothing more is read. */
const SETTLING_MAX = 64
const NACK_DELAY_MAX_MS = 3_600_000
const REASON_LENGTH_MAX = 1024
/** Acks in flight get this long when a stream ends. */
const LAST_ACKS_MS = 3000

/**
 * One running subscription. Guarantees:
 * 1. An event is sent only while there is credit and the client takes what was written before.
 * 2. Whyever it ends, acks in flight are answered first, and unsettled events of a group are returned at once.
 * 3. What a client does slowly or wrongly holds back or ends this stream only.
 * 4. What the policies let the subscriber see, and how much, holds as they are when an event is delivered.
 */
export class Subscription {
  readonly #tools: SubscribeTools
  readonly #call: SubscribeCall
  readonly #context: CallContext
  readonly #start: Start
  readonly #topic: TopicEntry
  readonly #outbox: Outbox
  readonly #pace: Pace
  readonly #guard: StreamGuard
  readonly #label: string
  #view: Access['view']
  #source: Source | undefined
  #member: GroupMember | undefined
  #settling = 0
  #settled: PromiseWithResolvers<void> | undefined
  #lastRequest = false
  #ending = false
  #gone = false

  constructor(
    tools: SubscribeTools,
    call: SubscribeCall,
    context: CallContext,
    { start, topic, access }: { readonly start: Start; readonly topic: TopicEntry; readonly access: Access },
  ) {
    this.#tools = tools
    this.#call = call
    this.#context = context
    this.#start = start
    this.#topic = topic
    this.#label = tools.metrics.topicLabel(topic.key)
    this.#outbox = new Outbox({
      credit: start.credit,
      write: (frame, taken) => call.write(frame, taken),
      onFlow: () => this.#flow(),
      onSent: (events, bytes) => this.#count(events, bytes),
    })
    this.#view = access.view
    this.#pace = new Pace({
      allowance: access.allowance,
      onFlow: () => this.#flow(),
      onWait: () => tools.metrics.quotaWaits.inc({ operation: 'subscribe' }),
    })
    this.#guard = new StreamGuard({
      context,
      registry: tools.registry,
      draining: tools.calls.draining,
      now: tools.now,
      check: () => this.#lostRight(),
      onEnd: (error) => this.end(error),
    })
  }

  /** Opens the source, says that the subscription stands, and delivers from then on. Never rejects. */
  async run(): Promise<void> {
    const { session, region, log } = this.#tools
    try {
      const start = await readStartOf(this.#start.position, session, this.#topic.stream)
      const { group, credit } = this.#start
      const ackWaitMs = group === '' ? 0 : await this.#ackWaitMs()
      if (this.#ending) return
      this.#respond({ case: 'started', value: { $typeName: 'landbridge.v1.SubscribeStarted', region } })
      const common = { session, topic: this.#topic, start, log, onEnd: (error?: MeshError) => this.#sourceEnded(error) }
      if (group === '') {
        this.#source = ephemeralSource({ ...common, onEvent: (message) => this.#deliver(message, 0, 1) })
      } else {
        const member: GroupMember = new GroupMember({
          ...common,
          group,
          ackWaitMs,
          demand: () => this.#pace.demand(credit),
          onEvent: (message, deliveryId) => {
            if (isControlSubject(message.subject)) member.skip(message)
            else this.#deliver(message, deliveryId, message.deliveries)
          },
        })
        this.#member = member
        this.#source = member
      }
      if (!this.#isOpen) this.#source.pause()
    } catch (error) {
      this.end(MeshError.from(error))
    }
  }

  /** Handles a request after `start`. @throws MeshError 'invalid_argument'. */
  handle(request: SubscriptionRequest): void {
    switch (request.case) {
      case 'credit':
        this.#outbox.grant(request.value)
        this.#member?.more()
        break
      case 'ack': {
        const ids = request.value.deliveryIds
        this.#settle('ack', ids, (member) => member.ack(ids))
        break
      }
      case 'nack': {
        const { deliveryIds: ids, delay } = request.value
        const delayMs = delay === undefined ? 0 : msOf(delay)
        if (!(delayMs >= 0 && delayMs <= NACK_DELAY_MAX_MS)) throw refusal(`delay is ${delayMs} ms, wanted at most 1 h`)
        this.#settle('nack', ids, (member) => member.nack(ids, delayMs))
        break
      }
      case 'reject': {
        const { deliveryIds: ids, reason } = request.value
        if (reason.length > REASON_LENGTH_MAX) throw refusal(`reason is too long, wanted at most ${REASON_LENGTH_MAX}`)
        this.#settle('reject', ids, (member) => member.reject(ids, reason))
        break
      }
      case 'extend':
        this.#extend(request.value.deliveryIds)
        break
      case 'start':
        throw refusal('a second start, wanted it once')
      default:
        throw refusal('an empty request, wanted credit, ack, nack, reject or extend')
    }
  }

  /** The client says no more. A reader still gets what it has credit for; a group's member cannot settle any more. */
  halfClosed(): void {
    this.#lastRequest = true
    if (this.#start.group !== '' || !this.#start.credit.ready) this.end(undefined)
  }

  /** Ends the stream: with an error, or well. */
  end(error: MeshError | undefined): void {
    if (this.#ending) return
    this.#ending = true
    this.#guard.close()
    this.#pace.close()
    this.#outbox.close()
    void this.#finish(error)
  }

  /** The client is gone. */
  abandon(): void {
    this.#gone = true
    this.end(undefined)
  }

  #ackWaitMs(): Promise<number> {
    const { session, groupsMax } = this.#tools
    return groupAckWaitMs({ session, groupsMax, stream: this.#topic.stream, start: this.#start })
  }

  async #finish(error: MeshError | undefined): Promise<void> {
    const { log } = this.#tools
    this.#source?.pause()
    if (this.#settling > 0 && !this.#gone) await this.#lastAcks()
    const returned = this.#member?.unsettled ?? 0
    if (returned > 0) this.#tools.metrics.settled.inc({ topic: this.#label, kind: 'returned' }, returned)
    await this.#source
      ?.close()
      .catch((err: unknown) => log.warn({ err, topic: this.#topic.key }, 'closing a source failed'))
    if (this.#gone) return
    if (error === undefined) this.#call.end()
    else this.#call.emit('error', statusOf(error, log, this.#context.path))
  }

  async #lastAcks(): Promise<void> {
    this.#settled ??= Promise.withResolvers<void>()
    const timer = setTimeout(this.#settled.resolve, LAST_ACKS_MS)
    await this.#settled.promise
    clearTimeout(timer)
  }

  #deliver(message: StoredMessage, deliveryId: number, attempt: number): void {
    if (isControlSubject(message.subject) || this.#ending) return
    const event = this.#view === undefined ? message.payload : this.#view(message.payload)
    const delivery: RawDelivery = { deliveryId, sequence: message.sequence, attempt, event }
    this.#outbox.push(delivery)
    this.#pace.delivered(event.length)
    const { tracing } = this.#tools
    if (tracing === undefined) return
    const { traceparent } = scanEvent(message.payload).value ?? {}
    tracing.deliver(this.#topic.key, this.#start.group, traceparent, message.sequence)
  }

  #settle(
    kind: 'ack' | 'nack' | 'reject',
    ids: readonly bigint[],
    run: (member: GroupMember) => Promise<Settlement>,
  ): void {
    if (this.#start.group === '') throw refusal(`${kind} of a reader without a group, which settles nothing`)
    if (ids.length === 0) throw refusal(`${kind} of nothing, wanted delivery_ids`)
    const member = this.#member
    if (member === undefined) {
      this.#answer(kind, { settled: [], unknown: ids })
      return
    }
    this.#settling += 1
    if (this.#settling >= SETTLING_MAX) this.#context.call.closeGate()
    void run(member)
      .catch((): Settlement => ({ settled: [], unknown: ids }))
      .then((settlement) => {
        this.#answer(kind, settlement)
        this.#settling -= 1
        if (this.#settling < SETTLING_MAX) this.#context.call.openGate()
        if (this.#settling === 0) this.#settled?.resolve()
      })
  }

  #extend(ids: readonly bigint[]): void {
    if (this.#start.group === '') throw refusal('extend of a reader without a group, which settles nothing')
    const unknown = this.#member?.extend(ids) ?? ids
    if (unknown.length > 0) this.#answer('extend', { settled: [], unknown })
  }

  #answer(kind: string, { settled, unknown }: Settlement): void {
    const { metrics } = this.#tools
    if (settled.length > 0) metrics.settled.inc({ topic: this.#label, kind }, settled.length)
    if (unknown.length > 0) metrics.settled.inc({ topic: this.#label, kind: 'unknown' }, unknown.length)
    this.#respond({
      case: 'settled',
      value: { $typeName: 'landbridge.v1.Settled', deliveryIds: [...settled], unknownDeliveryIds: [...unknown] },
    })
  }

  #respond(response: SubscribeResponse['response']): void {
    if (!this.#gone) this.#call.write(codec.serialize(create(SubscribeResponseSchema, { response })))
  }

  get #isOpen(): boolean {
    return this.#outbox.open && this.#pace.open
  }

  #flow(): void {
    if (this.#isOpen) this.#source?.resume()
    else this.#source?.pause()
    if (this.#lastRequest && !this.#start.credit.ready) this.end(undefined)
  }

  #count(events: number, bytes: number): void {
    const { metrics } = this.#tools
    metrics.delivered.inc({ topic: this.#label, kind: this.#start.group === '' ? 'reader' : 'group' }, events)
    metrics.deliveredBytes.inc({ topic: this.#label }, bytes)
  }

  #lostRight(): MeshError | undefined {
    const access = this.#tools.access.access(this.#topic.key, principalOf(this.#context), 'subscribe')
    if (access.refusal !== undefined) return access.refusal
    this.#view = access.view
    this.#pace.follow(access.allowance)
    const known = this.#tools.registry.get(this.#topic.key)
    if (known !== undefined) return undefined
    return new MeshError('not_found', `subscribe: topic ${this.#topic.key} was removed from this region`)
  }

  #sourceEnded(error: MeshError | undefined): void {
    if (error !== undefined) this.end(error)
    else this.end(new MeshError('unavailable', 'subscribe: reading stopped, subscribe again', { retryAfterMs: 100 }))
  }
}

function refusal(text: string): MeshError {
  return new MeshError('invalid_argument', `subscribe: ${text}`)
}
