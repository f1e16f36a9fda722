import type { ServerDuplexStream } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import { messageCodec, type SubscribeRequest, SubscribeRequestSchema } from '@landbridge/proto'
import type { TopicAccess } from '../auth/index.ts'
import { checkStart } from '../deliver/index.ts'
import type { EventTracing, Log, Metrics } from '../telemetry/index.ts'
import type { TopicRegistry } from '../topics.ts'
import { type CallContext, callContextOf, principalOf } from './call-context.ts'
import type { OpenCalls } from './open-calls.ts'
import { statusOf } from './status.ts'
import { Subscription } from './subscription.ts'

/** What subscribing needs. */
export type SubscribeTools = {
  readonly region: string
  readonly session: NatsSession
  readonly access: TopicAccess
  readonly registry: TopicRegistry
  readonly calls: OpenCalls
  readonly metrics: Metrics
  readonly log: Log
  readonly tracing: EventTracing | undefined
  readonly now: () => number
  /** Subscribe streams of the process. */
  readonly subscriptionsMax: number
  /** Groups of one topic. */
  readonly groupsMax: number
}

/** `Subscribe` with requests decoded and responses encoded by hand. */
export type SubscribeCall = ServerDuplexStream<Buffer, Buffer>

const codec = messageCodec(SubscribeRequestSchema)
/** A stream that has not said what it wants after this time is ended. */
const START_WAIT_MS = 10_000

/** `EventService.Subscribe`, on encoded messages. */
export function subscribe(tools: SubscribeTools): (call: SubscribeCall) => void {
  let open = 0
  return (call) => {
    let counted = false
    const leave = () => {
      if (counted) open -= 1
      counted = false
    }
    try {
      if (open >= tools.subscriptionsMax) {
        tools.metrics.refusals.inc({ reason: 'overload' })
        throw new MeshError('resource_exhausted', 'subscribe: the gateway has as many subscriptions as it can', {
          retryAfterMs: 1000,
        })
      }
      open += 1
      counted = true
      call.on('close', leave)
      call.on('cancelled', leave)
      new SubscribeStream(tools, call, callContextOf(call.metadata))
    } catch (error) {
      call.emit('error', statusOf(error, tools.log, call.getPath()))
    }
  }
}

type State =
  | { readonly kind: 'idle'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'running'; readonly subscription: Subscription }
  | { readonly kind: 'ended' }

/** Reads the requests of one stream and hands them to its subscription, which `start` makes. */
class SubscribeStream {
  readonly #tools: SubscribeTools
  readonly #call: SubscribeCall
  readonly #context: CallContext
  #state: State

  constructor(tools: SubscribeTools, call: SubscribeCall, context: CallContext) {
    this.#tools = tools
    this.#call = call
    this.#context = context
    const timer = setTimeout(() => this.#fail(new MeshError('deadline_exceeded', START_MISSING)), START_WAIT_MS)
    timer.unref()
    this.#state = { kind: 'idle', timer }
    call.on('data', (bytes: Buffer) => this.#receive(bytes))
    call.on('end', () => this.#halfClosed())
    call.on('cancelled', () => this.#leave())
    call.on('close', () => this.#leave())
  }

  #receive(bytes: Buffer): void {
    if (this.#state.kind === 'ended') return
    try {
      const { request } = decode(bytes)
      if (this.#state.kind === 'running') this.#state.subscription.handle(request)
      else if (request.case === 'start') this.#start(request.value)
      else throw new MeshError('invalid_argument', START_MISSING)
    } catch (error) {
      this.#fail(error)
    }
  }

  #start(request: Parameters<typeof checkStart>[0]): void {
    const start = checkStart(request)
    const { topic, ...access } = this.#tools.access.topic(start.topic, principalOf(this.#context), 'subscribe')
    const subscription = new Subscription(this.#tools, this.#call, this.#context, { start, topic, access })
    this.#setState({ kind: 'running', subscription })
    void subscription.run()
  }

  #halfClosed(): void {
    if (this.#state.kind === 'running') this.#state.subscription.halfClosed()
    else if (this.#state.kind === 'idle') this.#fail(new MeshError('invalid_argument', START_MISSING))
  }

  #fail(error: unknown): void {
    const { subscription } = this.#state.kind === 'running' ? this.#state : { subscription: undefined }
    this.#setState({ kind: 'ended' })
    if (subscription !== undefined) subscription.end(MeshError.from(error))
    else this.#call.emit('error', statusOf(error, this.#tools.log, this.#context.path))
  }

  #leave(): void {
    const { subscription } = this.#state.kind === 'running' ? this.#state : { subscription: undefined }
    this.#setState({ kind: 'ended' })
    subscription?.abandon()
  }

  #setState(next: State): void {
    if (this.#state.kind === 'idle') clearTimeout(this.#state.timer)
    this.#state = next
  }
}

const START_MISSING = 'subscribe: no start, wanted it as the first request'

function decode(bytes: Buffer): SubscribeRequest {
  try {
    return codec.deserialize(bytes)
  } catch (cause) {
    throw new MeshError('invalid_argument', 'subscribe: a request is malformed, wanted an encoded SubscribeRequest', {
      cause,
    })
  }
}

/** What `Subscription` handles: every request of a running stream. */
export type SubscriptionRequest = SubscribeRequest['request']
