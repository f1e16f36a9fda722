import type { SecureContext } from 'node:tls'
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  type Metadata,
} from '@grpc/grpc-js'
import type { GrpcMethod } from '@landbridge/proto'
import { errorOfCall, regionTimeOf } from '../errors.ts'
import { BACKOFF, backoffMs } from './backoff.ts'
import { channelSecurity } from './credentials.ts'
import type { Endpoint } from './endpoint.ts'
import { RegionClock } from './region-clock.ts'
import type { TlsSource } from './tls-source.ts'

/** The client's half of a method. */
export type ClientMethod<Request, Response> = Pick<
  GrpcMethod<Request, Response>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>

/** One call over a link. */
export type LinkCall = {
  /** Names the operation in errors. */
  readonly what: string
  readonly metadata: Metadata
  /** Milliseconds until the call ends with `deadline_exceeded`. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Received messages: a frame of deliveries around one event of the largest size fits well. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024
/** Enough for 100 MB/s over 40 ms of round trip; subscriptions bound what they buffer by credit, not by this. */
const FLOW_CONTROL_BYTES = 4 * 1024 * 1024
/** While a link that failed is tried by one caller, others go elsewhere for so long, milliseconds. */
const PROBE_MS = 1_000

const CHANNEL: ChannelOptions = {
  // A dead peer is noticed within five seconds, also between calls, so that the next call does not find out.
  'grpc.keepalive_time_ms': 3_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Its connections end when the client closes, and are not shared with another identity.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc-node.flow_control_window': FLOW_CONTROL_BYTES,
}

/** What a link needs. */
export type LinkOptions = {
  readonly endpoint: Endpoint
  readonly tls: TlsSource
  /** Random number in [0, 1). */
  readonly random: () => number
}

/**
 * The connection to one endpoint, and what is known of its health.
 *
 * 1. Connects at the first call, and again by itself.
 * 2. Certificates that were replaced are used for the calls that begin afterwards; those under way go on.
 * 3. After a failure others are preferred for a while that doubles; then one caller tries it, once it is connected.
 */
export class Link implements Disposable {
  readonly endpoint: Endpoint
  /** The clock of the region behind it. */
  readonly clock = new RegionClock()
  readonly #tls: TlsSource
  #context: SecureContext
  #client: Client
  #closed = false
  readonly #random: () => number
  #region: string | undefined
  #failures = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #retryAt = Number.NEGATIVE_INFINITY

  constructor({ endpoint, tls, random }: LinkOptions) {
    this.endpoint = endpoint
    this.#tls = tls
    this.#region = endpoint.region
    this.#random = random
    this.#context = tls.current(false)
    this.#client = clientOf(endpoint, this.#context, tls.serverName)
  }

  /** The region behind it: the one that the user named, else the one that it said it is; undefined until it is known. */
  get region(): string | undefined {
    return this.#region
  }

  /**
   * The gateway said which region it is of. Not for receipts: they name the region that stored an event, which may be
   * another one.
   */
  learn(region: string): void {
    if (this.endpoint.region === undefined && region !== '') this.#region = region
  }

  /** When it is worth trying again after a failure, by `performance.now()`. */
  get retryAt(): number {
    return this.#retryAt
  }

  /** True when nothing speaks against using it. Connects in the background when a failed link's wait is over. */
  available(now: number): boolean {
    if (this.#failures === 0) return true
    if (now < this.#retryAt) return false
    return this.#current().getChannel().getConnectivityState(true) === connectivityState.READY
  }

  /** Somebody is about to use it. */
  use(now: number): void {
    if (this.#failures > 0) this.#retryAt = now + PROBE_MS
  }

  /** An attempt that began at `startedAt` failed. Attempts that began before the last known failure tell nothing new. */
  failed(startedAt: number, retryAfterMs = 0): void {
    if (startedAt < this.#failedAt) return
    const now = performance.now()
    this.#failures += 1
    this.#failedAt = now
    this.#retryAt = now + Math.max(retryAfterMs, backoffMs(this.#failures, BACKOFF, this.#random))
  }

  /** The gateway answered as it should. */
  succeeded(): void {
    this.#failures = 0
  }

  /** One unary call. @throws MeshError, or the signal's reason. */
  unary<Request, Response>(
    method: ClientMethod<Request, Response>,
    request: Request,
    call: LinkCall,
  ): Promise<Response> {
    const { what, metadata, timeoutMs, signal } = call
    if (signal.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const { path, requestSerialize, responseDeserialize } = method
    const options = { deadline: Date.now() + timeoutMs }
    const pending = this.#current().makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (error, response) => {
        signal.removeEventListener('abort', cancel)
        if (error === null && response !== undefined) resolve(response)
        else if (signal.aborted) reject(signal.reason)
        else if (error !== null) {
          this.clock.learn(regionTimeOf(error))
          reject(errorOfCall(error, what))
        }
      },
    )
    const cancel = () => pending.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    return promise
  }

  /** One bidirectional call; the caller listens to its errors. */
  stream<Request, Response>(
    method: ClientMethod<Request, Response>,
    metadata: Metadata,
  ): ClientDuplexStream<Request, Response> {
    const options: CallOptions = {}
    return this.#current().makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
      options,
    )
  }

  close(): void {
    this.#closed = true
    this.#client.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #current(): Client {
    const context = this.#tls.current(this.#failures > 0)
    if (context === this.#context || this.#closed) return this.#client
    const before = this.#client
    this.#context = context
    this.#client = clientOf(this.endpoint, context, this.#tls.serverName)
    before.close()
    return this.#client
  }
}

function clientOf(endpoint: Endpoint, context: SecureContext, serverName: string | undefined): Client {
  const { credentials, options } = channelSecurity(endpoint, context, serverName)
  return new Client(endpoint.address, credentials, { ...CHANNEL, ...options })
}

/** True when both certainly lead to one region. */
export function sameRegion(a: Link, b: Link): boolean {
  return a === b || (a.region !== undefined && a.region === b.region)
}
