import { readFileSync } from 'node:fs'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import {
  AdminService,
  type ApplyResponse,
  type CloudEvent,
  CloudEventSchema,
  EventService,
  type GetTopicResponse,
  type GrpcMethod,
  grpcMethods,
  type ListTopicsResponse,
  type PublishResponse,
  type PublishStreamRequest,
  type PublishStreamResponse,
  type SubscribeRequest,
  type SubscribeResponse,
} from '@landbridge/proto'

/** How a test client connects and who it says it is. */
export type TestClientOptions = {
  readonly endpoint: string
  readonly caFile: string
  readonly token?: string | undefined
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined
  /** Further metadata of each call. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, unknown>>
}

/** A thin client without any retry, so that tests see what the gateway says. */
export type TestClient = {
  readonly raw: Client
  readonly metadata: Metadata
  close(): void
  publish(topic: string, events: readonly CloudEvent[], retry?: Retry): Promise<PublishResponse>
  publishStream(): ClientDuplexStream<PublishStreamRequest, PublishStreamResponse>
  subscribe(): ClientDuplexStream<SubscribeRequest, SubscribeResponse>
  getTopic(topic: string): Promise<GetTopicResponse>
  listTopics(request?: { tenant?: string; pageSize?: number; pageToken?: string }): Promise<ListTopicsResponse>
  apply(documents: string, dryRun?: boolean): Promise<ApplyResponse>
}

type Retry = { readonly ageMs: number; readonly region: string; readonly elsewhere: boolean }

const events = grpcMethods(EventService)
const admin = grpcMethods(AdminService)

/** Makes a client; it connects at the first call. */
export function connectClient(wanted: TestClientOptions): TestClient {
  const { endpoint, caFile, token, certificate } = wanted
  const channel = credentials.createSsl(
    readFileSync(caFile),
    certificate === undefined ? null : readFileSync(certificate.key),
    certificate === undefined ? null : readFileSync(certificate.cert),
  )
  const raw = new Client(endpoint, channel, {
    // A connection of its own: what one test does to it does not reach another.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
    ...wanted.options,
  })
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  for (const [key, value] of Object.entries(wanted.metadata ?? {})) metadata.set(key, value)
  const call = <Request, Response>(method: GrpcMethod<Request, Response>, request: Request) =>
    unary(raw, metadata, method, request)
  return {
    raw,
    metadata,
    close: () => raw.close(),
    publish: (topic, batch, retry) =>
      call(events.publish, {
        $typeName: 'landbridge.v1.PublishRequest',
        topic,
        events: [...batch],
        ...(retry === undefined ? {} : { retry: retryMessage(retry) }),
      }),
    publishStream: () => {
      const { path, requestSerialize, responseDeserialize } = events.publishStream
      return raw.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata)
    },
    subscribe: () => {
      const { path, requestSerialize, responseDeserialize } = events.subscribe
      return raw.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata)
    },
    getTopic: (topic) => call(events.getTopic, { $typeName: 'landbridge.v1.GetTopicRequest', topic }),
    listTopics: ({ tenant = '', pageSize = 0, pageToken = '' } = {}) =>
      call(events.listTopics, { $typeName: 'landbridge.v1.ListTopicsRequest', tenant, pageSize, pageToken }),
    apply: (documents, dryRun = false) =>
      call(admin.apply, { $typeName: 'landbridge.v1.ApplyRequest', documents, dryRun }),
  }
}

/** A call that a test expects to fail, as its error. */
export async function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call
  } catch (error) {
    return error as ServiceError
  }
  throw new Error('call: it succeeded, wanted a failure')
}

/** An event with text data. */
export function event(id: string, overrides: MessageInitShape<typeof CloudEventSchema> = {}): CloudEvent {
  return create(CloudEventSchema, {
    id,
    source: '/test',
    specVersion: '1.0',
    type: 'test.happened',
    data: { case: 'textData', value: `data of ${id}` },
    ...overrides,
  })
}

function unary<Request, Response>(
  client: Client,
  metadata: Metadata,
  { path, requestSerialize, responseDeserialize }: GrpcMethod<Request, Response>,
  request: Request,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error, response) => {
    if (error !== null || response === undefined) reject(error)
    else resolve(response)
  })
  return promise
}

function retryMessage({ ageMs, region, elsewhere }: Retry) {
  const seconds = Math.floor(ageMs / 1000)
  return {
    $typeName: 'landbridge.v1.Retry' as const,
    age: {
      $typeName: 'google.protobuf.Duration' as const,
      seconds: BigInt(seconds),
      nanos: Math.round((ageMs - seconds * 1000) * 1e6),
    },
    region,
    elsewhere,
  }
}
