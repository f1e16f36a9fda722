import { Admin, Topics } from './admin/index.ts'
import { type EventInput, encodeEvents } from './event/index.ts'
import { type ConnectOptions, meshSettings } from './options.ts'
import { PublishStream, type PublishStreamOptions, publish, type Receipt } from './publish/index.ts'
import type { CallOptions } from './scope.ts'
import { type SubscribeOptions, Subscription } from './subscribe/index.ts'
import { Transport } from './transport/transport.ts'

/**
 * Connects to the mesh: at once, because nothing is dialled before the first call.
 * @throws MeshError 'invalid_argument' for endpoints, certificates or times that cannot be used.
 */
export function connect(options: ConnectOptions): Mesh {
  return new Mesh(options)
}

/**
 * The mesh, as a service sees it.
 *
 * 1. Every operation retries by itself, in the home region first and then in the others, until its time is over.
 * 2. However often an event is sent, it has one id: the mesh shows it once.
 * 3. Topics are named "<tenant>/<topic>".
 */
export class Mesh implements AsyncDisposable {
  /** Topics, as a region knows them. */
  readonly topics: Topics
  /** Running a region. */
  readonly admin: Admin
  readonly #transport: Transport
  readonly #source: string | undefined
  readonly #open = new Set<AsyncDisposable>()
  #closing: Promise<void> | undefined

  /** See `connect`. */
  constructor(options: ConnectOptions) {
    const settings = meshSettings(options)
    this.#transport = new Transport({ ...settings, random: Math.random })
    this.#source = settings.source
    this.topics = new Topics(this.#transport)
    this.admin = new Admin(this.#transport)
  }

  /**
   * Publishes events, and resolves when each is stored durably: one receipt an event, in order. Events of one source and
   * partition key keep their order within the call, and over calls that are awaited.
   * @throws PublishFailure when some were not acknowledged, with what became of each; MeshError 'invalid_argument' when
   * an event is wrong: then nothing was sent.
   */
  publish(topic: string, event: EventInput, options?: CallOptions): Promise<[Receipt]>
  publish(topic: string, events: EventInput | readonly EventInput[], options?: CallOptions): Promise<Receipt[]>
  async publish(
    topic: string,
    events: EventInput | readonly EventInput[],
    options: CallOptions = {},
  ): Promise<Receipt[]> {
    return await publish(this.#transport, topic, encodeEvents(events, this.#source), options)
  }

  /**
   * Publishes many events of one topic, faster than call by call: see `PublishStream`.
   * @throws MeshError 'invalid_argument' for options that cannot be used.
   */
  publishStream(topic: string, options: PublishStreamOptions = {}): PublishStream {
    const stream: PublishStream = new PublishStream(this.#transport, topic, {
      ...options,
      source: this.#source,
      onClosed: () => this.#open.delete(stream),
    })
    this.#open.add(stream)
    return stream
  }

  /**
   * Subscribes: `for await (const delivery of mesh.subscribe(topic))`. Begins at once; goes on by itself after every
   * failure until it is closed, its signal aborts, or the mesh refuses it.
   * @throws MeshError 'invalid_argument' for options that cannot be used.
   */
  subscribe(topic: string, options: SubscribeOptions = {}): Subscription {
    const subscription: Subscription = new Subscription(this.#transport, topic, options, () =>
      this.#open.delete(subscription),
    )
    this.#open.add(subscription)
    return subscription
  }

  /** Ends subscriptions and streams well, then everything else with `cancelled`. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((owner) => owner[Symbol.asyncDispose]()))
    this.#transport.close()
  }
}
