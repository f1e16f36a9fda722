import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import { EventService, grpcMethods, rawCodec, type StartPosition } from '@landbridge/proto'
import { errorOfCall } from '../errors.ts'
import type { Link } from '../transport/link.ts'
import type { Transport } from '../transport/transport.ts'
import type { Settlement, Settler } from './delivery.ts'
import { encodeAck, encodeCredit, encodeRequest, type RawDelivery, readResponse } from './frames.ts'
import type { SubscribeSettings } from './options.ts'
import { Unsettled } from './unsettled.ts'

const method = {
  ...grpcMethods(EventService).subscribe,
  requestSerialize: rawCodec.serialize,
  responseDeserialize: rawCodec.deserialize,
}

/** What a group waits when nobody said otherwise. */
const ACK_WAIT_MS = 30_000
/** Acks go out together, at most so many in a request. */
const ACKS_MAX = 1_000
/** How long the settlements that are under way may take when the stream is closed, milliseconds. */
const LAST_SETTLEMENTS_MS = 3_000

/** What a stream needs. */
export type SubscribeStreamOptions = {
  readonly settings: SubscribeSettings
  readonly position: StartPosition
  readonly credit: { readonly messages: number; readonly bytes: number }
  /** Ends the wait for a token. */
  readonly signal: AbortSignal
  readonly onDelivery: (delivery: RawDelivery, stream: SubscribeStream) => void
  /** A delivery was acknowledged for good. */
  readonly onAcked: (delivery: RawDelivery) => void
  /** A delivery of a group takes no credit any more: it was settled, or its wait is over. */
  readonly onReleased: (delivery: RawDelivery) => void
}

type Waiting = {
  readonly delivery: RawDelivery
  readonly kind: Settlement['kind']
  readonly resolve: () => void
  readonly reject: (error: MeshError) => void
}

/**
 * One `Subscribe` call at one link.
 *
 * 1. `ended` resolves exactly once, with the error, or with undefined after `close`.
 * 2. Every settlement is answered: when the stream ends before, by an error.
 */
export class SubscribeStream implements Settler {
  /** Resolves with the region when the subscription stands; never when the stream ends before. */
  readonly started: Promise<string>
  readonly ended: Promise<MeshError | undefined>
  #region = ''
  readonly #options: SubscribeStreamOptions
  readonly #call: ClientDuplexStream<Buffer, Buffer>
  readonly #started = Promise.withResolvers<string>()
  readonly #ended = Promise.withResolvers<MeshError | undefined>()
  readonly #waiting = new Map<number, Waiting>()
  /** Of a group only. */
  readonly #unsettled: Unsettled | undefined
  #acks: number[] = []
  #flushing = false
  #clogged = false
  #closed = false
  #done = false
  #idle: PromiseWithResolvers<void> | undefined

  private constructor(call: ClientDuplexStream<Buffer, Buffer>, options: SubscribeStreamOptions) {
    this.#call = call
    this.#options = options
    const { group, ackWaitMs } = options.settings
    this.#unsettled = group === '' ? undefined : new Unsettled(ackWaitMs ?? ACK_WAIT_MS, options.onReleased)
    this.started = this.#started.promise
    this.ended = this.#ended.promise
    call.on('data', (bytes: Buffer) => this.#receive(bytes))
    call.on('error', (error: ServiceError) => this.#fail(errorOfCall(error, `subscribe ${options.settings.topic}`)))
    call.on('end', () =>
      this.#fail(new MeshError('unavailable', `subscribe ${options.settings.topic}: the stream ended`)),
    )
    call.on('drain', () => {
      this.#clogged = false
      this.#flush()
    })
    this.#write(encodeRequest(startOf(options)))
  }

  /** Opens a stream. @throws MeshError when there is no token. */
  static async open(transport: Transport, link: Link, options: SubscribeStreamOptions): Promise<SubscribeStream> {
    return new SubscribeStream(link.stream(method, await transport.metadata(options.signal)), options)
  }

  /** The region that answers; '' before `started`. */
  get region(): string {
    return this.#region
  }

  /** Grants more; one of both is more than 0. */
  grant(messages: number, bytes: number): void {
    if (!this.#done && !this.#closed) this.#write(encodeCredit(messages, bytes))
  }

  settle(delivery: RawDelivery, settlement: Settlement): Promise<void> {
    const { deliveryId } = delivery
    if (this.#done || this.#closed) return Promise.reject(lost(settlement.kind))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.set(deliveryId, { delivery, kind: settlement.kind, resolve, reject })
    if (settlement.kind === 'ack') {
      this.#acks.push(deliveryId)
      if (!this.#flushing) {
        this.#flushing = true
        setImmediate(() => this.#flush())
      }
    } else this.#write(encodeRequest(requestOf(deliveryId, settlement)))
    return promise
  }

  extend(deliveryId: number): void {
    if (this.#done || this.#closed) return
    this.#unsettled?.extend(deliveryId)
    const value = { $typeName: 'landbridge.v1.Extend' as const, deliveryIds: [BigInt(deliveryId)] }
    this.#write(encodeRequest({ case: 'extend', value }))
  }

  /** Ends the stream: waits for the settlements under way, and gives back what is unsettled. */
  async close(): Promise<void> {
    if (this.#done || this.#closed) return
    this.#closed = true
    this.#flush()
    if (this.#waiting.size > 0) {
      this.#idle = Promise.withResolvers<void>()
      const timer = setTimeout(this.#idle.resolve, LAST_SETTLEMENTS_MS)
      await this.#idle.promise
      clearTimeout(timer)
    }
    this.cancel()
  }

  /** Ends the stream at once. */
  cancel(error?: MeshError): void {
    this.#fail(error)
    this.#call.cancel()
  }

  #receive(bytes: Buffer): void {
    if (this.#done) return
    try {
      readResponse(bytes, {
        onStarted: (region) => {
          this.#region = region
          this.#started.resolve(region)
        },
        onDelivery: (delivery) => {
          if (this.#closed) return
          this.#unsettled?.add(delivery)
          this.#options.onDelivery(delivery, this)
        },
        onSettled: (settled, unknown) => this.#settled(settled, unknown),
      })
    } catch (error) {
      this.cancel(MeshError.from(error))
    }
  }

  #settled(settled: readonly number[], unknown: readonly number[]): void {
    for (const id of settled) {
      const waiting = this.#take(id)
      if (waiting?.kind === 'ack') this.#options.onAcked(waiting.delivery)
      waiting?.resolve()
      this.#unsettled?.release(id)
    }
    for (const id of unknown) {
      const waiting = this.#take(id)
      waiting?.reject(
        new MeshError('failed_precondition', `${waiting.kind}: too late, the event may be delivered again`),
      )
      this.#unsettled?.release(id)
    }
    if (this.#waiting.size === 0) this.#idle?.resolve()
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #flush(): void {
    this.#flushing = false
    // What is clogged is written on 'drain'; it is bounded by what was delivered.
    while (this.#acks.length > 0 && !this.#clogged && !this.#done)
      this.#write(encodeAck(this.#acks.splice(0, ACKS_MAX)))
  }

  #write(bytes: Buffer): void {
    this.#clogged = !this.#call.write(bytes)
  }

  #fail(error: MeshError | undefined): void {
    if (this.#done) return
    this.#done = true
    this.#acks = []
    this.#unsettled?.[Symbol.dispose]()
    for (const { kind, reject } of this.#waiting.values()) reject(lost(kind))
    this.#waiting.clear()
    this.#idle?.resolve()
    this.#ended.resolve(error)
  }
}

function startOf({ settings, position, credit }: SubscribeStreamOptions): Parameters<typeof encodeRequest>[0] {
  return {
    case: 'start',
    value: {
      $typeName: 'landbridge.v1.SubscribeStart',
      topic: settings.topic,
      group: settings.group,
      position,
      credit: { $typeName: 'landbridge.v1.Credit', messages: credit.messages, bytes: BigInt(credit.bytes) },
      ...(settings.group === '' || settings.ackWaitMs === undefined ? {} : { ackWait: durationOf(settings.ackWaitMs) }),
    },
  }
}

function requestOf(
  deliveryId: number,
  settlement: Exclude<Settlement, { kind: 'ack' }>,
): Parameters<typeof encodeRequest>[0] {
  const deliveryIds = [BigInt(deliveryId)]
  if (settlement.kind === 'reject') {
    return { case: 'reject', value: { $typeName: 'landbridge.v1.Reject', deliveryIds, reason: settlement.reason } }
  }
  return {
    case: 'nack',
    value: { $typeName: 'landbridge.v1.Nack', deliveryIds, delay: durationOf(settlement.delayMs) },
  }
}

function durationOf(ms: number) {
  const seconds = Math.floor(ms / 1_000)
  return {
    $typeName: 'google.protobuf.Duration' as const,
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1_000) * 1_000_000),
  }
}

function lost(kind: string): MeshError {
  return new MeshError('aborted', `${kind}: the stream that brought the event has ended, it may be delivered again`, {
    ambiguous: true,
  })
}
