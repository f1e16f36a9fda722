import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import { EventService, grpcMethods, type PublishStreamResponse, rawCodec } from '@landbridge/proto'
import { errorOfCall } from '../errors.ts'
import type { Link } from '../transport/link.ts'
import type { Transport } from '../transport/transport.ts'
import type { StreamBatch } from './batch.ts'
import { encodeStreamRequest } from './frames.ts'

const method = { ...grpcMethods(EventService).publishStream, requestSerialize: rawCodec.serialize }

/** Bytes in flight on a call, below what a gateway takes. */
const IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024

/** What a call needs, and whom it tells. */
export type StreamCallOptions = {
  readonly topic: string
  readonly maxBatchesInFlight: number
  /** Ends the wait for a token. */
  readonly signal: AbortSignal
  onAck(batch: StreamBatch, ack: PublishStreamResponse): void
  /** There is room for another batch, perhaps. */
  onRoom(): void
}

/**
 * One `PublishStream` call at one link.
 *
 * 1. Batches arrive in the order in which they were sent.
 * 2. `ended` resolves once, with an error unless it ended because it was asked to; then `inFlight` has what was not
 *    acknowledged, in order.
 */
export class StreamCall {
  readonly link: Link
  readonly ended: Promise<MeshError | undefined>
  readonly #call: ClientDuplexStream<Buffer, PublishStreamResponse>
  readonly #options: StreamCallOptions
  readonly #inFlight = new Map<number, StreamBatch>()
  readonly #ended = Promise.withResolvers<MeshError | undefined>()
  #inFlightBytes = 0
  #lastId = 0
  #clogged = false
  #finishing = false
  #done = false

  private constructor(link: Link, call: ClientDuplexStream<Buffer, PublishStreamResponse>, options: StreamCallOptions) {
    const { topic } = options
    this.link = link
    this.ended = this.#ended.promise
    this.#call = call
    this.#options = options
    call.on('data', (ack: PublishStreamResponse) => this.#acknowledge(ack))
    call.on('error', (error: ServiceError) => this.#end(errorOfCall(error, `publish ${topic}`)))
    call.on('end', () => {
      const early = new MeshError('unavailable', `publish ${topic}: the stream ended`, { ambiguous: true })
      this.#end(this.#finishing && this.#inFlight.size === 0 ? undefined : early)
    })
    call.on('drain', () => {
      this.#clogged = false
      options.onRoom()
    })
  }

  /** Opens a call. @throws MeshError when there is no token. */
  static async open(transport: Transport, link: Link, options: StreamCallOptions): Promise<StreamCall> {
    return new StreamCall(link, link.stream(method, await transport.metadata(options.signal)), options)
  }

  /** True when another batch may be sent. */
  get hasRoom(): boolean {
    if (this.#clogged || this.#done || this.#finishing || this.#inFlight.size >= this.#options.maxBatchesInFlight)
      return false
    return this.#inFlightBytes < IN_FLIGHT_BYTES_MAX
  }

  /** Sent and not acknowledged, in order. */
  get inFlight(): readonly StreamBatch[] {
    return [...this.#inFlight.values()]
  }

  send(batch: StreamBatch): void {
    const id = ++this.#lastId
    const retry = batch.history.begin(this.link)
    this.#inFlight.set(id, batch)
    this.#inFlightBytes += batch.bytes
    this.#clogged = !this.#call.write(
      encodeStreamRequest(
        { topic: this.#options.topic, events: batch.events, retry, sentMs: batch.history.sentMs },
        id,
      ),
    )
  }

  /** Sends nothing more; what is in flight is acknowledged, then the call ends. */
  finish(): void {
    if (this.#finishing || this.#done) return
    this.#finishing = true
    this.#call.end()
  }

  /** Ends the call when a batch that was sent before then (by `performance.now()`) is not acknowledged. */
  expire(sentBefore: number): void {
    const [oldest] = this.#inFlight.values()
    if (oldest === undefined || oldest.history.begunAt > sentBefore) return
    const text = `publish ${this.#options.topic}: no acknowledgement in time`
    this.cancel(new MeshError('deadline_exceeded', text, { ambiguous: true }))
  }

  /** Ends the call at once. */
  cancel(error: MeshError | undefined): void {
    this.#end(error)
    this.#call.cancel()
  }

  #acknowledge(ack: PublishStreamResponse): void {
    const id = Number(ack.batchId)
    const batch = this.#inFlight.get(id)
    if (batch === undefined || this.#done) return
    this.#inFlight.delete(id)
    this.#inFlightBytes -= batch.bytes
    this.link.clock.learnFrom(ack.regionTime)
    this.#options.onAck(batch, ack)
    this.#options.onRoom()
  }

  #end(error: MeshError | undefined): void {
    if (this.#done) return
    this.#done = true
    this.#ended.resolve(error)
  }
}
