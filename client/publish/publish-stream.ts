import { MeshError, orAborted, parseTopicName } from '@landbridge/core'
import type { PublishStreamResponse } from '@landbridge/proto'
import { isRefusal } from '../errors.ts'
import { type EventInput, encodeEvents } from '../event/index.ts'
import type { CallOptions, Scope } from '../scope.ts'
import { HomeWatch } from '../transport/home-watch.ts'
import type { Link } from '../transport/link.ts'
import { runStreams, type StreamEnd } from '../transport/run-streams.ts'
import type { Transport } from '../transport/transport.ts'
import { acknowledge } from './acknowledge.ts'
import { Backlog } from './backlog.ts'
import type { StreamBatch } from './batch.ts'
import { Room } from './room.ts'
import { Send, type Sent } from './send.ts'
import { StreamCall } from './stream-call.ts'
import { type PublishStreamOptions, type PublishStreamSettings, publishStreamSettings } from './stream-options.ts'

/** How often it looks for batches and sends whose time is over, milliseconds. */
const TICK_MS = 100
/**
 * How long after a failure what is in flight is waited for, milliseconds. Nearly all is answered at once; but what waits
 * for another region, which did not come for the batch that failed, would wait as long as that one did.
 */
const LAST_ACKS_MS = 500

/**
 * Publishes many events of one topic over one stream after the other.
 *
 * 1. At most `queueEvents` and `queueBytes` wait here, those in flight included; `send` waits while there is no room.
 * 2. Batches are sent in the order of the calls. After a failure all that were not acknowledged, soon after it at the
 *    latest, are sent again, first and in order, with the same ids, if need be to another region; later it goes back home.
 * 3. Events of one source and partition key are stored by a region in the order of the calls, also through failures: once
 *    an event failed that is worth another attempt, the region stores nothing behind it on this stream. Only events that
 *    reach NATS one by one, because hardly anything is published (up to four at a time), can overtake each other: when
 *    NATS refuses one of them for now and takes the next.
 * 4. Every send has an outcome, at the latest after `timeoutMs`.
 */
export class PublishStream implements AsyncDisposable {
  readonly #transport: Transport
  readonly #topic: string
  readonly #settings: PublishStreamSettings
  readonly #source: string | undefined
  readonly #scope: Scope
  readonly #room: Room
  readonly #backlog = new Backlog()
  readonly #sends = new Set<Send>()
  readonly #running: Promise<void>
  readonly #onClosed: () => void
  #call: StreamCall | undefined
  #pumping = false
  #work = Promise.withResolvers<void>()
  #settled: PromiseWithResolvers<void> | undefined
  #trouble: MeshError | undefined
  #troubledAt = 0
  /** What a region that is not home said last; home may say otherwise. */
  #refusal: MeshError | undefined
  #failure: MeshError | undefined
  /** The trouble, when it was that batches were sent with a wrong time. */
  #late: MeshError | undefined
  #clockCorrected = false
  #ticker: NodeJS.Timeout | undefined
  #closed = false
  #closing: Promise<void> | undefined

  /** @throws MeshError 'invalid_argument'; 'cancelled' when the client is closed. */
  constructor(
    transport: Transport,
    topic: string,
    options: PublishStreamOptions & { readonly source: string | undefined; readonly onClosed: () => void },
  ) {
    const name = parseTopicName(topic)
    if (name.error !== undefined) throw name.error
    this.#settings = publishStreamSettings(options, transport)
    this.#transport = transport
    this.#topic = topic
    this.#source = options.source
    this.#onClosed = options.onClosed
    this.#room = new Room(this.#settings)
    this.#scope = transport.scope(`publish ${topic}`, { timeoutMs: Number.POSITIVE_INFINITY, signal: options.signal })
    this.#running = this.#run()
  }

  /** Events that have no outcome yet. */
  get pendingEvents(): number {
    return this.#room.events
  }

  /**
   * Queues events; resolves when there was room, which is how a fast producer is slowed down. They are stored when
   * `acknowledged` of the answer resolves.
   * @throws MeshError 'invalid_argument' when an event is wrong: then none was queued.
   */
  async send(events: EventInput | readonly EventInput[], options: Pick<CallOptions, 'signal'> = {}): Promise<Sent> {
    return await this.sendEncoded(encodeEvents(events, this.#source), options)
  }

  /** As `send`, of encoded `io.cloudevents.v1.CloudEvent`s, which must not change afterwards. */
  async sendEncoded(events: readonly Uint8Array[], options: Pick<CallOptions, 'signal'> = {}): Promise<Sent> {
    let bytes = 0
    for (const { length } of events) bytes += length
    this.#check()
    if (!this.#room.tryTake(events.length, bytes)) {
      await this.#room.take(events.length, bytes, options.signal, this.#scope.signal)
      if (this.#closed) this.#room.giveBack(events.length, bytes)
      this.#check()
    }
    const send = new Send(events, bytes, (settled, failure) => this.#onSettled(settled, failure))
    if (events.length === 0) send.nothing()
    else this.#accept(send)
    // Not itself: a promise that resolves to one would wait for it.
    return send
  }

  /**
   * Resolves when everything that was queued before has an outcome.
   * @throws PublishFailure the first since the last flush, when anything was not acknowledged
   */
  async flush(options: CallOptions = {}): Promise<void> {
    const waiting = Promise.allSettled([...this.#sends].map((send) => send.acknowledged))
    using scope = this.#transport.scope(`flush ${this.#topic}`, { timeoutMs: Number.POSITIVE_INFINITY, ...options })
    await orAborted(waiting, scope.signal)
    this.#throwFailure()
  }

  /** Takes nothing more, waits until everything has an outcome, and ends. Idempotent. @throws as `flush` */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
    this.#throwFailure()
  }

  /** As `close`, without the error. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    this.#closed = true
    this.#room.close(closedError(this.#topic))
    while (this.#sends.size > 0) {
      this.#settled = Promise.withResolvers()
      await this.#settled.promise
    }
    this.#work.resolve()
    this.#call?.finish()
    await this.#running
  }

  #check(): void {
    if (this.#closed || this.#scope.signal.aborted) throw closedError(this.#topic)
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  #accept(send: Send): void {
    this.#sends.add(send)
    this.#backlog.push(send)
    this.#work.resolve()
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS)
    if (this.#pumping) return
    this.#pumping = true
    // What one turn of the event loop queues goes together.
    setImmediate(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #onSettled(send: Send, failure: MeshError | undefined): void {
    this.#failure ??= failure
    this.#sends.delete(send)
    this.#room.giveBack(send.events.length, send.bytes)
    if (this.#sends.size > 0) return
    clearInterval(this.#ticker)
    this.#ticker = undefined
    this.#settled?.resolve()
  }

  #pump(): void {
    const call = this.#call
    while (call?.hasRoom && this.#trouble === undefined) {
      const batch = this.#backlog.next()
      if (batch === undefined) return
      call.send(batch)
    }
  }

  #acknowledge(call: StreamCall, batch: StreamBatch, ack: PublishStreamResponse): void {
    const trouble = acknowledge(batch, ack, (error) => this.#transport.isFinal(error, call.link))
    if (trouble === undefined) {
      if (ack.failures.length === 0) call.link.succeeded()
      return
    }
    if (this.#trouble === undefined) {
      this.#trouble = trouble
      this.#troubledAt = performance.now()
    }
    if (batch.history.wasLate(trouble)) this.#late = this.#trouble
    this.#backlog.takeBack([batch])
    // What is in flight may still be stored; nothing more is sent until these were sent again.
    call.finish()
  }

  #tick(): void {
    const now = performance.now()
    for (const send of this.#sends) {
      if (now - send.acceptedAt < this.#settings.timeoutMs) break
      send.giveUp(this.#timeout())
    }
    const failing = this.#trouble !== undefined && now - this.#troubledAt >= LAST_ACKS_MS
    this.#call?.expire(failing ? now : now - this.#settings.ackTimeoutMs)
  }

  #timeout(): MeshError {
    const text = `publish ${this.#topic}: not acknowledged within ${this.#settings.timeoutMs} ms`
    const last = this.#refusal ?? this.#trouble
    if (last === undefined) return new MeshError('deadline_exceeded', text)
    const code = this.#refusal === undefined ? 'deadline_exceeded' : this.#refusal.code
    return new MeshError(code, `${text}; last: ${last.message}`, { cause: last })
  }

  async #run(): Promise<void> {
    try {
      await runStreams(this.#transport, {
        signal: this.#scope.signal,
        wanted: () => this.#wanted(),
        links: () => this.#transport.links,
        run: (link) => this.#runAt(link),
        refused: (error) => this.#refuse(error),
      })
    } catch (error) {
      const failure = MeshError.from(error)
      this.#closed = true
      this.#room.close(failure)
      for (const send of [...this.#sends]) send.giveUp(failure)
    }
    clearInterval(this.#ticker)
    this.#scope[Symbol.dispose]()
    this.#onClosed()
  }

  /** True as soon as something waits to be sent; false when nothing will any more. */
  async #wanted(): Promise<boolean> {
    while (this.#sends.size === 0) {
      if (this.#closed) return false
      this.#work = Promise.withResolvers()
      await orAborted(this.#work.promise, this.#scope.signal)
    }
    return true
  }

  /** One call at a link, until it ends. */
  async #runAt(link: Link): Promise<StreamEnd> {
    let worked = false
    this.#trouble = undefined
    let call: StreamCall
    try {
      call = await StreamCall.open(this.#transport, link, {
        topic: this.#topic,
        maxBatchesInFlight: this.#settings.maxBatchesInFlight,
        signal: this.#scope.signal,
        onAck: (batch, ack) => {
          worked ||= ack.failures.length === 0
          this.#acknowledge(call, batch, ack)
        },
        onRoom: () => this.#pump(),
      })
    } catch (error) {
      return this.#end(worked, MeshError.from(error))
    }
    this.#call = call
    // close() may have come meanwhile.
    if (this.#closed && this.#sends.size === 0) call.finish()
    const stop = () => call.cancel(MeshError.from(this.#scope.signal.reason))
    this.#scope.signal.addEventListener('abort', stop, { once: true })
    if (this.#scope.signal.aborted) stop()
    try {
      using _home = new HomeWatch(this.#transport, link, this.#topic, () => call.finish())
      this.#pump()
      const error = await call.ended
      this.#takeBack(call, error)
      return this.#end(worked, this.#trouble ?? error)
    } finally {
      this.#call = undefined
      this.#scope.signal.removeEventListener('abort', stop)
      call.cancel(undefined)
    }
  }

  #end(worked: boolean, error: MeshError | undefined): StreamEnd {
    if (worked) {
      this.#refusal = undefined
      this.#clockCorrected = false
    }
    if (error !== undefined && error === this.#late && !this.#clockCorrected) {
      // The time was wrong and is known now: it goes on there at once.
      this.#clockCorrected = true
      return { worked, error: undefined }
    }
    if (error !== undefined && isRefusal(error)) this.#refusal = error
    return { worked, error }
  }

  /** What was not acknowledged is sent again, before everything else. */
  #takeBack(call: StreamCall, error: MeshError | undefined): void {
    const back = call.inFlight
    if (error === undefined || error.ambiguous) for (const batch of back) batch.history.note()
    this.#backlog.takeBack(back)
  }

  /** The mesh refuses the stream as a whole: what was queued so far fails; what is queued later tries again. */
  #refuse(error: MeshError): void {
    for (const send of [...this.#sends]) send.giveUp(error)
  }
}

function closedError(topic: string): MeshError {
  return new MeshError('failed_precondition', `publish ${topic}: the stream is closed`)
}
