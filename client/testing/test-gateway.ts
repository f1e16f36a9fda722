import { create } from '@bufbuild/protobuf'
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { arrivesInTime, grpcStatusOf, MeshError } from '@landbridge/core'
import {
  type CloudEvent,
  EventService,
  GetTopicResponseSchema,
  grpcMethods,
  type PublishRequest,
  type PublishResponse,
  PublishResponseSchema,
  type PublishStreamRequest,
  type PublishStreamResponse,
  PublishStreamResponseSchema,
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from '@landbridge/proto'
import { type TestCertificate, testCertificate } from './certificate.ts'

/** What a gateway does with an event: store it, or fail it. */
export type EventFate = 'store' | MeshError

/** One `Subscribe` call, as the gateway sees it. */
export type SubscribeCall = {
  readonly requests: readonly SubscribeRequest['request'][]
  /** Resolves with the first request for which `wanted` holds, now or later. */
  request(wanted: (request: SubscribeRequest['request']) => boolean): Promise<SubscribeRequest['request']>
  respond(response: SubscribeResponse['response']): void
  /** Ends it with an error. */
  fail(error: MeshError): void
}

/** How a gateway proves itself, and whether it wants clients to. */
export type GatewayIdentity = {
  /** Default: the one of `localhost`. */
  readonly certificate?: TestCertificate
  /** Authorities of client certificates, which are wanted then, PEM. Default: none are asked for. */
  readonly clientCa?: string
}

type PublishCall = ServerDuplexStream<PublishStreamRequest, PublishStreamResponse>

/**
 * A gateway for tests: real gRPC over TLS on a free port, a store in memory, and failures on demand.
 * An event is stored once, by its id.
 */
export class TestGateway implements AsyncDisposable {
  readonly region: string
  /** Ids in the order in which they were stored. */
  readonly stored: string[] = []
  readonly publishes: PublishRequest[] = []
  readonly batches: PublishStreamRequest[] = []
  readonly tokens: string[] = []
  /** Common names of the client certificates that published, when it asks for them. */
  readonly clients: string[] = []
  readonly streams = new Set<PublishCall>()
  /** What becomes of an event. */
  fate: (event: CloudEvent) => EventFate = () => 'store'
  /** Before a publish request is handled: may throw, or wait. */
  beforePublish: (request: PublishRequest, token: string) => Promise<void> | void = () => {}
  /** Before a batch is handled: may wait; false swallows it. */
  beforeBatch: (request: PublishStreamRequest, call: PublishCall) => Promise<boolean> | boolean = () => true
  /** Between storing and answering: may throw, which loses the answer. */
  afterStore: () => Promise<void> | void = () => {}
  /** What its receipts say of where an event is, when that is not this region alone. */
  receipt: { readonly region?: string; readonly regions?: string[]; readonly degraded?: boolean } = {}
  onSubscribe: (call: SubscribeCall) => void = () => {}
  /** Its clock. */
  now: () => number = Date.now
  /** Attempts that it refused because of when they were sent. */
  late = 0
  #server: Server | undefined
  #port = 0

  /** From its next start. */
  identity: GatewayIdentity

  private constructor(region: string, identity: GatewayIdentity) {
    this.region = region
    this.identity = identity
  }

  /** Starts one. */
  static async start(region: string, identity: GatewayIdentity = {}): Promise<TestGateway> {
    const gateway = new TestGateway(region, identity)
    await gateway.start()
    return gateway
  }

  /** Its port, the same after a restart. */
  get port(): number {
    return this.#port
  }

  /** "localhost:<port>", the same after a restart. */
  get endpoint(): string {
    return `localhost:${this.#port}`
  }

  /** Listens, on the port that it had. */
  async start(): Promise<void> {
    const { certificate = await testCertificate(), clientCa } = this.identity
    const server = new Server()
    const methods = grpcMethods(EventService)
    server.addService(methods, {
      publish: (call: ServerUnaryCall<PublishRequest, PublishResponse>, callback: sendUnaryData<PublishResponse>) => {
        const token = String(call.metadata.get('authorization')[0] ?? '')
        this.clients.push(String(call.getAuthContext().sslPeerCertificate?.subject?.CN ?? ''))
        this.#publish(call.request, token).then(
          (answer) => callback(null, answer),
          (error) => callback(statusOf(error, this.now())),
        )
      },
      publishStream: (call: PublishCall) => this.#publishStream(call),
      subscribe: (call: ServerDuplexStream<SubscribeRequest, SubscribeResponse>) =>
        this.onSubscribe(subscribeCallOf(call)),
      getTopic: (_call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) =>
        callback(null, create(GetTopicResponseSchema, { topic: { name: 'acme/orders' } })),
      listTopics: (_call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) =>
        callback(statusOf(new MeshError('unimplemented', 'list topics: is not part of tests'))),
    })
    const pair = { private_key: Buffer.from(certificate.key), cert_chain: Buffer.from(certificate.cert) }
    const wanted = clientCa === undefined ? null : Buffer.from(clientCa)
    const credentials = ServerCredentials.createSsl(wanted, [pair], wanted !== null)
    this.#server = server
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.#port}`, credentials, (error, port) => (error ? reject(error) : resolve(port)))
    })
  }

  /** Ends it as a crash does: connections are cut, and new ones refused until `start`. */
  stop(): void {
    this.#server?.forceShutdown()
    this.#server = undefined
    this.streams.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
  }

  async #publish(request: PublishRequest, token: string): Promise<PublishResponse> {
    this.publishes.push(request)
    this.tokens.push(token)
    await this.beforePublish(request, token)
    const late = this.#lateness(request.sentTime)
    if (late !== undefined) throw late
    const results = request.events.map((event) => {
      const fate = this.#store(event)
      if (fate instanceof MeshError) return { outcome: { case: 'error' as const, value: errorOf(fate) } }
      const { sequence, duplicate } = fate
      const place = { region: this.region, regions: [this.region], ...this.receipt }
      const value = { ...place, sequence: BigInt(sequence), duplicate }
      return { outcome: { case: 'receipt' as const, value } }
    })
    await this.afterStore()
    return create(PublishResponseSchema, { results, regionTime: timeOf(this.now()) })
  }

  #publishStream(call: PublishCall): void {
    this.streams.add(call)
    let turn = Promise.resolve()
    call.on('data', (batch: PublishStreamRequest) => {
      this.batches.push(batch)
      turn = turn.then(async () => {
        if (await this.beforeBatch(batch, call)) call.write(this.#storeBatch(batch))
      })
    })
    call.on('end', () => void turn.then(() => call.end()))
    call.on('error', () => {})
    call.on('close', () => this.streams.delete(call))
  }

  #storeBatch({ batchId, events, sentTime }: PublishStreamRequest): PublishStreamResponse {
    const regionTime = timeOf(this.now())
    const ack = create(PublishStreamResponseSchema, { batchId, region: this.region, regionTime, ...this.receipt })
    const late = this.#lateness(sentTime)
    for (const [index, event] of events.entries()) {
      const fate = late ?? this.#store(event)
      if (fate instanceof MeshError) {
        const failure = create(PublishStreamResponseSchema, { failures: [{ index, error: errorOf(fate) }] }).failures
        ack.failures.push(...failure)
      } else {
        if (fate.duplicate) ack.duplicates.push(index)
        ack.lastSequence = BigInt(fate.sequence)
      }
    }
    return ack
  }

  #lateness(sentTime: PublishRequest['sentTime']): MeshError | undefined {
    const sentMs = sentTime && Number(sentTime.seconds) * 1_000 + sentTime.nanos / 1_000_000
    if (arrivesInTime(sentMs, this.now())) return undefined
    this.late += 1
    return new MeshError('unavailable', 'publish: is late', { retryAfterMs: 1 })
  }

  #store(event: CloudEvent): MeshError | { readonly sequence: number; readonly duplicate: boolean } {
    const fate = this.fate(event)
    if (fate !== 'store') return fate
    const place = this.stored.indexOf(event.id)
    if (place >= 0) return { sequence: place + 1, duplicate: true }
    return { sequence: this.stored.push(event.id), duplicate: false }
  }
}

function errorOf(error: MeshError) {
  const ms = error.retryAfterMs
  return {
    code: grpcStatusOf(error.code),
    message: error.message,
    ambiguous: error.ambiguous,
    ...(ms === undefined ? {} : { retryAfter: { seconds: 0n, nanos: ms * 1_000_000 } }),
  }
}

function timeOf(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: Math.floor(ms % 1_000) * 1_000_000 }
}

function statusOf(thrown: unknown, nowMs?: number): Partial<ServiceError> {
  const error = MeshError.from(thrown)
  const metadata = new Metadata()
  if (error.retryAfterMs !== undefined) metadata.set('retry-after-ms', String(error.retryAfterMs))
  if (nowMs !== undefined) metadata.set('landbridge-time-ms', String(nowMs))
  return { code: grpcStatusOf(error.code), details: error.message, metadata }
}

function subscribeCallOf(call: ServerDuplexStream<SubscribeRequest, SubscribeResponse>): SubscribeCall {
  const requests: SubscribeRequest['request'][] = []
  const waiting = new Set<() => void>()
  call.on('data', ({ request }: SubscribeRequest) => {
    requests.push(request)
    for (const look of waiting) look()
  })
  call.on('end', () => call.end())
  call.on('error', () => {})
  return {
    requests,
    request: (wanted) =>
      new Promise((resolve) => {
        const look = () => {
          const found = requests.find(wanted)
          if (found === undefined) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    respond: (response) => void call.write(create(SubscribeResponseSchema, { response })),
    fail: (error) => void call.emit('error', statusOf(error)),
  }
}
