import { create, toBinary } from '@bufbuild/protobuf'
import type { handleUnaryCall, Metadata } from '@grpc/grpc-js'
import { exchangeOf, MeshError, type Principal, parseRetry, readForwardRequest } from '@landbridge/core'
import { ForwardResponseSchema, type GrpcMethod, grpcMethods, ReplicationService, rawCodec } from '@landbridge/proto'
import { type Budget, bytesOf, once, type Publisher, publishResults } from '../../publish/index.ts'
import { type CallContext, unary } from '../../rpc/index.ts'
import type { Log } from '../../telemetry/index.ts'
import { timestampOf } from '../../time.ts'
import type { TopicRegistry } from '../../topics.ts'
import { type PeerVerification, verifyPeer } from '../identity/verify-peer.ts'

/** What taking events of other regions needs. */
export type ForwardServiceOptions = PeerVerification & {
  readonly registry: TopicRegistry
  readonly publisher: Publisher
  readonly budget: Budget
  readonly log: Log
  /** Time for a caller that names no deadline, ms. */
  readonly publishTimeoutMs: number
}

/** The gRPC method, for `server.addService(definition, implementation)`. */
export type ForwardService = {
  readonly definition: { readonly forward: GrpcMethod<Buffer, Buffer> }
  readonly implementation: { readonly forward: handleUnaryCall<Buffer, Buffer> }
}

/** Publishers of other regions whose principals are kept, so that what is encoded for them is. */
const PRINCIPALS_MAX = 1_000
const SUBJECT_LENGTH_MAX = 1_024

/**
 * `ReplicationService.Forward`: stores what another region's gateway accepted and cannot store. That gateway vouches
 * for the publisher; what the two regions exchange is checked here.
 *
 * 1. The events are marked, whatever the request says of earlier attempts.
 * 2. They are not handed on again.
 */
export function forwardService(options: ForwardServiceOptions): ForwardService {
  const principals = new Principals()
  const forward: handleUnaryCall<Buffer, Buffer> = (call, callback) =>
    unary(options, (bytes: Buffer, context) => take(options, principals, bytes, context, call.metadata))(call, callback)
  const raw = {
    requestSerialize: rawCodec.serialize,
    requestDeserialize: rawCodec.deserialize,
    responseSerialize: rawCodec.serialize,
    responseDeserialize: rawCodec.deserialize,
  }
  return {
    definition: { forward: { ...grpcMethods(ReplicationService).forward, ...raw } },
    implementation: { forward },
  }
}

async function take(
  options: ForwardServiceOptions,
  principals: Principals,
  bytes: Buffer,
  context: CallContext,
  metadata: Metadata,
): Promise<Buffer> {
  const { region, registry, publisher, budget, now, publishTimeoutMs } = options
  const { region: peer } = await verifyPeer(options, metadata)
  const request = readForwardRequest(bytes)
  if (request.error !== undefined) throw request.error
  const { topic: topicKey, events, sentMs, principal: subject } = request.value
  const exchange = exchangeOf(registry.snapshot, region, peer, topicKey, 'import')
  if (exchange === 'not-allowed') {
    throw new MeshError('permission_denied', `forward: ${region} does not exchange this topic with ${peer}`)
  }
  const topic = registry.get(topicKey)
  if (exchange === 'unknown-topic' || topic === undefined) {
    throw new MeshError('not_found', `forward: the topic is not known in ${region}`)
  }
  if (topic.document.spec.failover !== 'forward') {
    throw new MeshError('failed_precondition', 'forward: the topic has failover none, wanted forward')
  }
  if (events.length === 0) throw new MeshError('invalid_argument', 'forward: has no event, wanted 1 to 1,000')
  if (subject === '' || subject.length > SUBJECT_LENGTH_MAX) {
    throw new MeshError('invalid_argument', 'forward: names no publisher, wanted one')
  }
  const retry = parseRetry(request.value.retry ?? new Uint8Array())
  if (retry.error !== undefined) throw retry.error
  const size = bytesOf(events)
  await budget.takeSoon(size, events.length)
  const giveBack = once(() => budget.giveBack(size, events.length))
  try {
    const remainingMs = Math.min(context.remainingMs(), publishTimeoutMs)
    const results = await publisher.publish({
      topic,
      events,
      principal: principals.of(subject),
      retry: { ...retry.value, elsewhere: true, forwarded: true },
      sentMs,
      deadlineAtMs: performance.now() + remainingMs,
      mayForward: false,
      together: false,
      onStored: giveBack,
    })
    const response = create(ForwardResponseSchema, {
      results: publishResults(region, results),
      ...timestampOf('regionTime', now()),
    })
    const encoded = toBinary(ForwardResponseSchema, response)
    return Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  } finally {
    giveBack()
  }
}

/** The publishers that other regions vouch for; the one that was not seen for longest is forgotten first. */
class Principals {
  readonly #known = new Map<string, Principal>()

  of(subject: string): Principal {
    const principal = this.#known.get(subject) ?? {
      kind: 'jwt',
      subject,
      issuer: undefined,
      groups: [],
      spiffe: undefined,
      claims: {},
    }
    this.#known.delete(subject)
    this.#known.set(subject, principal)
    const [oldest] = this.#known.keys()
    if (this.#known.size > PRINCIPALS_MAX && oldest !== undefined) this.#known.delete(oldest)
    return principal
  }
}
