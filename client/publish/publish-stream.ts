import { MeshError, parseTopicName } from '@landbridge/core'
import type { PublishStreamResponse } from '@landbridge/proto'
import { isRetryable } from '../errors.ts'
import { type EventInput, encodeEvent } from '../event/index.ts'
import { Queue } from '../queue.ts'
import { type CallOptions, orAborted, type Scope } from '../scope.ts'
import { type BackoffOptions, backoffMs } from '../transport/backoff.ts'
import { HomeWatch } from '../transport/home-watch.ts'
import type { Link } from '../transport/link.ts'
import type { Transport } from '../transport/transport.ts'
import { nextBatch, type StreamBatch } from './batch.ts'
import { errorOfEvent } from './receipt.ts'
import { Room } from './room.ts'
import { Send, type Sent } from './send.ts'
import { StreamCall } from './stream-call.ts'
import { type PublishStreamOptions, type PublishStreamSettings, publishStreamSettings } from './stream-options.ts'

const ROUND: BackoffOptions = { initialMs: 100, maxMs: 2_000 }
/** How often it looks for batches and sends whose time is over, milliseconds. */
const TICK_MS = 100

/**
 * Publishes many events of one topic over one stream after the other.
 *
 * 1. At most `queueEvents` and `queueBytes` wait here, those in flight included; `send` waits while there is no room.
 * 2. Batches are sent in the order of the calls. After a failure all that were not acknowledged are sent again, first
 *    and in order, with the same ids, if need be to another region; later it goes back home.
 * 3. Every send has an outcome, at the latest after `timeoutMs`.
 */
export class PublishStream implements AsyncDisposable {
  readonly #transport: Transport
  readonly #topic: string
  readonly #settings: PublishStreamSettings
  readonly #source: string | undefined
  readonly #scope: Scope
  readonly #room: Room
  readonly #queue = new Queue<Send>()
  readonly #sends = new Set<Send>()
  readonly #running: Promise<void>
  readonly #onClosed: () => void
  #again: StreamBatch[] = []
  #call: StreamCall | undefined
  #orders = 0
  #pumping = false
  #work = Promise.withResolvers<void>()
  #settled: PromiseWithResolvers<void> | undefined
  #trouble: MeshError | undefined
  #failure: MeshError | undefined
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
    const list: readonly EventInput[] = isList(events) ? events : [events]
    return await this.sendEncoded(
      list.map((event) => encodeEvent(event, this.#source)),
      options,
    )
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
    if (events.length === 0) send.stored(0, '', 0)
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
    this.#queue.push(send)
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
      const batch = this.#next()
      if (batch === undefined) return
      call.send(batch)
    }
  }

  #next(): StreamBatch | undefined {
    for (let batch = this.#again.shift(); batch !== undefined; batch = this.#again.shift())
      if (batch.prune()) return batch
    return nextBatch(this.#queue, ++this.#orders)
  }

  #acknowledge(batch: StreamBatch, ack: PublishStreamResponse): void {
    const { region, duplicates, failures } = ack
    const lastSequence = Number(ack.lastSequence)
    for (const place of duplicates) {
      const found = batch.at(place)
      found?.send.duplicate(found.index)
    }
    if (failures.length === 0) {
      this.#call?.link.succeeded()
      batch.stored(region, lastSequence)
      return
    }
    const open = new Map(
      failures.map(({ index, error }) => [index, error === undefined ? UNNAMED : errorOfEvent(error)]),
    )
    const again: number[] = []
    let ambiguous = false
    const parts = batch.events.map((_, place) => ({ place, found: batch.at(place), error: open.get(place) }))
    for (const { place, found, error } of parts) {
      if (error === undefined) found?.send.stored(1, region, lastSequence)
      else if (!isRetryable(error)) found?.send.failed(found.index, error)
      else {
        ambiguous ||= error.ambiguous
        again.push(place)
        this.#trouble ??= error
      }
    }
    if (again.length === 0) return
    if (ambiguous) batch.history.note()
    batch.keep(again)
    this.#again.push(batch)
    // What is in flight may still be stored; nothing more is sent, so that the order holds when these are sent again.
    this.#call?.finish()
  }

  #tick(): void {
    const now = performance.now()
    for (const send of this.#sends) {
      if (now - send.acceptedAt < this.#settings.timeoutMs) break
      const text = `publish ${this.#topic}: not acknowledged within ${this.#settings.timeoutMs} ms`
      send.giveUp(
        new MeshError(
          'deadline_exceeded',
          this.#trouble === undefined ? text : `${text}; last: ${this.#trouble.message}`,
        ),
      )
    }
    const sentAt = this.#call?.oldestSentAt
    if (sentAt === undefined || now - sentAt < this.#settings.ackTimeoutMs) return
    const error = new MeshError('deadline_exceeded', `publish ${this.#topic}: no acknowledgement in time`, {
      ambiguous: true,
    })
    this.#call?.cancel(error)
  }

  async #run(): Promise<void> {
    try {
      await this.#goOn()
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

  /** One call after the other while there is work. */
  async #goOn(): Promise<void> {
    const tried = new Set<Link>()
    let waits = 0
    let refreshed = false
    let waitMs = 0
    for (;;) {
      if (this.#sends.size === 0) {
        if (this.#closed) return
        this.#work = Promise.withResolvers()
        await orAborted(this.#work.promise, this.#scope.signal)
        if (this.#sends.size === 0) continue
      }
      const link = waitMs > 0 ? undefined : this.#transport.pick(tried)
      if (link === undefined) {
        await this.#scope.sleep(Math.max(waitMs, backoffMs(++waits, ROUND, this.#transport.random)))
        tried.clear()
        waitMs = 0
        continue
      }
      const startedAt = performance.now()
      const { stored, error } = await this.#runAt(link)
      this.#scope.check()
      if (stored) {
        tried.clear()
        waits = 0
        refreshed = false
      }
      if (error === undefined) continue
      if (error.code === 'unauthenticated' && !refreshed && this.#transport.refreshToken()) refreshed = true
      else if (!isRetryable(error)) this.#refuse(error)
      else if (error.code === 'resource_exhausted') waitMs = error.retryAfterMs ?? 1
      else {
        link.failed(startedAt, error.retryAfterMs)
        tried.add(link)
      }
    }
  }

  /** One call at a link, until it ends; without an error it ended to go on at a better link, or for good. */
  async #runAt(link: Link): Promise<{ readonly stored: boolean; readonly error: MeshError | undefined }> {
    let stored = false
    this.#trouble = undefined
    let call: StreamCall
    try {
      call = await StreamCall.open(this.#transport, link, this.#topic, {
        onAck: (batch, ack) => {
          stored ||= ack.failures.length === 0
          this.#acknowledge(batch, ack)
        },
        onRoom: () => this.#pump(),
      })
    } catch (error) {
      return { stored, error: MeshError.from(error) }
    }
    this.#call = call
    const stop = () => call.cancel(MeshError.from(this.#scope.signal.reason))
    this.#scope.signal.addEventListener('abort', stop, { once: true })
    if (this.#scope.signal.aborted) stop()
    try {
      using _home = new HomeWatch(this.#transport, link, this.#topic, () => call.finish())
      this.#pump()
      const error = await call.ended
      this.#takeBack(call, error)
      return { stored, error: this.#trouble ?? error }
    } finally {
      this.#call = undefined
      this.#scope.signal.removeEventListener('abort', stop)
      call.cancel(undefined)
    }
  }

  /** What was not acknowledged is sent again, before everything else. */
  #takeBack(call: StreamCall, error: MeshError | undefined): void {
    const back = call.inFlight
    if (error === undefined || error.ambiguous) for (const batch of back) batch.history.note()
    this.#again = [...this.#again, ...back].sort((a, b) => a.order - b.order)
  }

  /** The mesh refuses the stream as a whole: what was queued so far fails; what is queued later tries again. */
  #refuse(error: MeshError): void {
    this.#again = []
    for (const send of [...this.#sends]) send.giveUp(error)
  }
}

const UNNAMED = new MeshError('internal', 'publish: the gateway named a failure without an error', { ambiguous: true })

function closedError(topic: string): MeshError {
  return new MeshError('failed_precondition', `publish ${topic}: the stream is closed`)
}

function isList(events: EventInput | readonly EventInput[]): events is readonly EventInput[] {
  return Array.isArray(events)
}
