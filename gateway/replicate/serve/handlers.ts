import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import type { CheckpointBucket, NatsSession } from '@landbridge/nats'
import { type GrpcMethod, grpcMethods, type ReplicateRequest, ReplicationService, rawCodec } from '@landbridge/proto'
import type { Config } from '../../config.ts'
import { statusOf } from '../../rpc/index.ts'
import type { Log } from '../../telemetry/index.ts'
import type { TopicRegistry } from '../../topics.ts'
import { type PeerVerification, peerRefusal, verifyPeer } from '../identity/verify-peer.ts'
import type { ReplicationMetrics } from '../metrics.ts'
import type { UpstreamLinks } from '../upstream-links.ts'
import type { ServeContext } from './context.ts'
import { HoldingsFeed } from './holdings-feed.ts'
import { OwnHeads } from './own-heads.ts'
import type { OwnTails } from './own-tails.ts'
import { PeerPositions } from './peer-positions.ts'
import type { KnownHead } from './relay-head.ts'
import { ServedStream } from './served-stream.ts'

/** Streams of all peers together: regions times gateways, with room for those that died without a word. */
const STREAMS_MAX = 1_024

/** What serving other regions needs. */
export type ReplicationHandlersOptions = Pick<PeerVerification, 'ownId' | 'trust'> & {
  readonly config: Pick<Config, 'region' | 'mesh'>
  readonly session: NatsSession
  readonly registry: TopicRegistry
  readonly tails: OwnTails
  readonly checkpoints: CheckpointBucket
  /** The way on to other regions: holes and questions are handed on over it. */
  readonly links: UpstreamLinks
  /** What this gateway's own pulls know of a foreign origin's end; default: nothing. */
  readonly originHead?: (topicKey: string, origin: string) => KnownHead | undefined
  readonly log: Log
  readonly metrics: ReplicationMetrics
  /** Clock, ms since 1970. */
  readonly now?: () => number
}

/** The gRPC service, for `server.addService(definition, implementation)`. */
export type ReplicationHandlers = AsyncDisposable & {
  readonly definition: { readonly replicate: GrpcMethod<ReplicateRequest, Buffer> }
  readonly implementation: { readonly replicate: handleBidiStreamingCall<ReplicateRequest, Buffer> }
  /** How far other regions have applied this region's events. */
  readonly positions: PeerPositions
  /** Ends every stream with UNAVAILABLE; the peers come back elsewhere. Idempotent. */
  close(): Promise<void>
}

/** Whichever comes first, the call is over. */
const ENDINGS = ['cancelled', 'error', 'close', 'finish']

type Call = ServerDuplexStream<ReplicateRequest, Buffer>

/** Serves this region's events to the gateways of other regions. */
export function replicationHandlers(options: ReplicationHandlersOptions): ReplicationHandlers {
  const { config, session, registry, tails, checkpoints, links, originHead, log, metrics, now = Date.now } = options
  const { ownId, trust } = options
  const heads = new OwnHeads(session, config.region, tails, now)
  const positions = new PeerPositions()
  const holdings = new HoldingsFeed(session, registry, log)
  const shared = { session, registry, checkpoints, links, originHead, heads, positions, holdings, log, metrics, now }
  const context: ServeContext = { region: config.region, mesh: config.mesh, ownId, trust, ...shared }
  const open = new Map<Call, (thrown: unknown) => void>()
  const forget = registry.onChange((snapshot) => {
    heads.keepOnly(snapshot.topics)
  })
  let closed = false

  const replicate = (call: Call): void => {
    const end = (thrown: unknown): void => {
      if (!open.delete(call)) return
      call.emit('error', statusOf(thrown, log, call.getPath()))
    }
    open.set(call, end)
    for (const event of ENDINGS) call.on(event, () => open.delete(call))
    if (closed) {
      end(new MeshError('unavailable', 'replicate: this gateway is going away', { retryAfterMs: 100 }))
      return
    }
    if (open.size > STREAMS_MAX) {
      end(new MeshError('resource_exhausted', 'replicate: too many streams are open'))
      return
    }
    void serveCall(context, call, end)
  }

  const close = async (): Promise<void> => {
    closed = true
    forget()
    holdings.close()
    const gone = new MeshError('unavailable', 'replicate: this gateway is going away', { retryAfterMs: 100 })
    for (const end of [...open.values()]) end(gone)
  }

  return {
    definition: { replicate: { ...grpcMethods(ReplicationService).replicate, ...rawResponses } },
    implementation: { replicate },
    positions,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const rawResponses = { responseSerialize: rawCodec.serialize, responseDeserialize: rawCodec.deserialize }

async function serveCall(context: ServeContext, call: Call, end: (thrown: unknown) => void): Promise<void> {
  let stream: ServedStream | undefined
  let stopFollowing: (() => void) | undefined
  // Whatever ends the call ends the stream: listeners first, because the peer may go while its token is verified.
  let gone = false
  const close = () => {
    gone = true
    stopFollowing?.()
    stream?.close()
  }
  for (const event of ENDINGS) call.on(event, close)
  try {
    const verified = await verifyPeer(context, call.metadata)
    if (gone) return
    const { region: peer } = verified
    stopFollowing = context.registry.onChange(() => {
      const refusal = peerRefusal(context, verified)
      if (refusal !== undefined) end(refusal)
    })
    const served = new ServedStream(context, peer, { write: (frame) => call.write(frame), end })
    stream = served
    context.log.info({ peer }, 'peer connected')
    call.on('drain', () => served.onDrain())
    call.on('data', (request: ReplicateRequest) => {
      try {
        served.take(request)
      } catch (thrown) {
        served.close()
        end(thrown)
      }
    })
    call.on('end', () => {
      served.close()
      call.end()
    })
  } catch (thrown) {
    end(thrown)
  }
}
