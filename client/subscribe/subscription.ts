import { MeshError, Queue } from '@landbridge/core'
import { HomeWatch } from '../transport/home-watch.ts'
import { type Link, sameRegion } from '../transport/link.ts'
import { runStreams, type StreamEnd } from '../transport/run-streams.ts'
import type { Transport } from '../transport/transport.ts'
import { type Delivery, StreamDelivery } from './delivery.ts'
import type { RawDelivery } from './frames.ts'
import { type SubscribeOptions, type SubscribeSettings, subscribeSettings } from './options.ts'
import { Place, SeenEvents } from './place.ts'
import { SubscribeStream } from './stream.ts'

/**
 * A subscription that goes on by itself.
 *
 * 1. After a lost connection it goes on elsewhere if need be: a reader exactly where it was in a region that it has read,
 *    otherwise some time before, leaving out what it remembers having delivered. A group's events that were not
 *    settled are delivered again.
 * 2. At most `credit` events and `creditBytes` are delivered ahead of the caller; of a group, are delivered and neither
 *    settled nor waited for in vain.
 * 3. The iteration ends when it is closed or its signal aborts, and throws when the mesh refuses it. It has one iterator.
 */
export class Subscription implements AsyncIterableIterator<Delivery, undefined>, AsyncDisposable {
  readonly #transport: Transport
  readonly #settings: SubscribeSettings
  readonly #place: Place
  readonly #queue = new Queue<StreamDelivery>()
  readonly #readers: PromiseWithResolvers<IteratorResult<Delivery, undefined>>[] = []
  readonly #stop = new AbortController()
  readonly #standing = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  readonly #onClosed: () => void
  readonly #onAbort = () => void this.close()
  readonly #signal: AbortSignal | undefined
  /** Only with several regions can an event come twice. */
  readonly #seen: SeenEvents | undefined
  #stream: SubscribeStream | undefined
  #queuedBytes = 0
  #grantMessages = 0
  #grantBytes = 0
  #failure: MeshError | undefined
  #ended = false
  #closing: Promise<void> | undefined

  /** @throws MeshError 'invalid_argument'; 'cancelled' when the client is closed. */
  constructor(transport: Transport, topic: string, options: SubscribeOptions, onClosed: () => void) {
    transport.check(`subscribe ${topic}`)
    this.#settings = subscribeSettings(topic, options)
    this.#transport = transport
    this.#place = new Place(this.#settings)
    this.#onClosed = onClosed
    this.#signal = options.signal
    const [first] = transport.links
    const several = first !== undefined && transport.links.some((link) => !sameRegion(first, link))
    this.#seen = several ? new SeenEvents() : undefined
    this.#standing.promise.catch(() => {})
    this.#running = this.#run()
    if (this.#signal?.aborted) void this.close()
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Resolves when the subscription stands for the first time: from then on no event is missed. @throws MeshError. */
  ready(): Promise<void> {
    return this.#standing.promise
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next event; done when the subscription was closed. @throws MeshError when it was refused. */
  next(): Promise<IteratorResult<Delivery, undefined>> {
    const delivery = this.#queue.shift()
    if (delivery !== undefined) {
      this.#queuedBytes -= delivery.raw.event.length
      if (this.#settings.group === '') this.#giveBack(delivery.raw)
      return Promise.resolve({ value: delivery, done: false })
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      return Promise.reject(failure)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    const reader = Promise.withResolvers<IteratorResult<Delivery, undefined>>()
    this.#readers.push(reader)
    return reader.promise
  }

  /** Closes; what the iteration does at `break`. */
  async return(): Promise<IteratorResult<Delivery, undefined>> {
    await this.close()
    return { value: undefined, done: true }
  }

  /** Ends it: settlements under way are waited for, unsettled events of a group go back to it at once. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#queue.clear()
    await this.#stream?.close()
    this.#stop.abort(new MeshError('cancelled', `subscribe ${this.#settings.topic}: was closed`))
    await this.#running
  }

  async #run(): Promise<void> {
    let failure: MeshError | undefined
    try {
      await runStreams(this.#transport, {
        signal: this.#stop.signal,
        wanted: async () => true,
        links: () => this.#transport.links.filter((link) => this.#place.canUse(link)),
        run: (link) => this.#runAt(link),
        refused: (error) => {
          throw error
        },
      })
    } catch (error) {
      if (!this.#stop.signal.aborted) failure = MeshError.from(error)
    }
    this.#standing.reject(failure ?? new MeshError('cancelled', `subscribe ${this.#settings.topic}: was closed`))
    this.#ended = true
    const [reader, ...others] = this.#readers.splice(0)
    if (failure !== undefined && reader !== undefined) reader.reject(failure)
    else this.#failure = failure
    if (failure === undefined) reader?.resolve({ value: undefined, done: true })
    for (const other of others) other.resolve({ value: undefined, done: true })
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onClosed()
  }

  /** One stream at a link, until it ends. */
  async #runAt(link: Link): Promise<StreamEnd> {
    const settings = this.#settings
    let stream: SubscribeStream
    try {
      stream = await SubscribeStream.open(this.#transport, link, {
        settings,
        position: this.#place.positionAt(link),
        credit: this.#firstCredit(),
        signal: this.#stop.signal,
        onDelivery: (delivery, from) => this.#receive(delivery, from),
        onReleased: (delivery) => this.#giveBack(delivery),
        onAcked: (delivery) => void this.#seen?.add(delivery.event),
      })
    } catch (error) {
      return { worked: false, error: MeshError.from(error) }
    }
    this.#stream = stream
    const stop = () => stream.cancel()
    this.#stop.signal.addEventListener('abort', stop, { once: true })
    if (this.#stop.signal.aborted) stop()
    const expected = link.region
    const timer = setTimeout(() => stream.cancel(notStarted(settings.topic)), this.#transport.attemptTimeoutMs)
    try {
      const region = await Promise.race([stream.started, stream.ended.then(() => undefined)])
      clearTimeout(timer)
      if (region === undefined) return { worked: false, error: await stream.ended }
      link.learn(region)
      if (expected !== undefined && expected !== region) {
        const { address, region: named } = link.endpoint
        // The place was meant for another stream: begin again, unless it was the user who named the region.
        const code = named === undefined ? 'unavailable' : 'failed_precondition'
        return {
          worked: false,
          error: new MeshError(code, `subscribe: ${address} is in ${region}, not in ${expected}`),
        }
      }
      link.succeeded()
      this.#place.started(region)
      this.#standing.resolve()
      using _home = new HomeWatch(this.#transport, link, settings.topic, () => void stream.close())
      return { worked: true, error: await stream.ended }
    } finally {
      clearTimeout(timer)
      stream.cancel()
      this.#stop.signal.removeEventListener('abort', stop)
      this.#retire()
    }
  }

  /** A stream has ended: what it delivered to a group cannot be settled any more, so it is not shown. */
  #retire(): void {
    this.#stream = undefined
    this.#grantMessages = 0
    this.#grantBytes = 0
    if (this.#settings.group === '') return
    this.#queue.clear()
    this.#queuedBytes = 0
  }

  #firstCredit(): { readonly messages: number; readonly bytes: number } {
    const { credit, creditBytes } = this.#settings
    return { messages: Math.max(1, credit - this.#queue.length), bytes: Math.max(1, creditBytes - this.#queuedBytes) }
  }

  #receive(raw: RawDelivery, stream: SubscribeStream): void {
    const delivery = new StreamDelivery(raw, stream)
    this.#place.note(stream.region, raw.sequence, raw.event)
    const grouped = this.#settings.group !== ''
    if (grouped ? this.#seen?.has(raw.event) : this.#seen?.add(raw.event)) {
      // Of a group: it was settled in another region.
      if (grouped) void delivery.ack()
      else this.#giveBack(raw)
      return
    }
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      if (!grouped) this.#giveBack(raw)
      reader.resolve({ value: delivery, done: false })
      return
    }
    this.#queue.push(delivery)
    this.#queuedBytes += raw.event.length
  }

  /** Grants again what was taken, a quarter of the credit at a time. */
  #giveBack({ event }: RawDelivery): void {
    const { credit, creditBytes } = this.#settings
    this.#grantMessages += 1
    this.#grantBytes += event.length
    if (this.#grantMessages * 4 < credit && this.#grantBytes * 4 < creditBytes) return
    this.#stream?.grant(this.#grantMessages, this.#grantBytes)
    this.#grantMessages = 0
    this.#grantBytes = 0
  }
}

function notStarted(topic: string): MeshError {
  return new MeshError('unavailable', `subscribe ${topic}: no answer from the gateway in time`)
}
