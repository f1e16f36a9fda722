import tls from 'node:tls'
import type { Server } from '@grpc/grpc-js'
import { HybridClock } from '@landbridge/core'
import { ConfigBucket, NatsSession, serverTime } from '@landbridge/nats'
import { createLog, OperationsServer } from '@landbridge/service'
import { AdminAccess, Authenticator, CertificateSource, JwtVerifier, TopicAccess, Trust } from './auth/index.ts'
import type { Config } from './config.ts'
import { MarkedViews } from './marked-views.ts'
import { Budget, EventStore } from './publish/index.ts'
import { openPublishing } from './publishing.ts'
import { RegionClock } from './region-clock.ts'
import { peerWithId, regionId } from './replicate/index.ts'
import { openReplication, type Replication } from './replication.ts'
import {
  addReflection,
  addServices,
  bind,
  createGrpcServer,
  Health,
  interceptors,
  OpenCalls,
  RequestRoom,
  serverCredentials,
} from './rpc/index.ts'
import { type Log, Metrics, openEventTracing } from './telemetry/index.ts'
import { TopicRegistry } from './topics.ts'

/** A gateway that runs. */
export type Gateway = AsyncDisposable & {
  /** "host:port" of gRPC. */
  readonly grpc: string
  /** "host:port" of the operations endpoints. */
  readonly http: string
  readonly metrics: Metrics
  /**
   * Drains and stops: NOT_SERVING, accept nothing new, let calls finish until the grace of the configuration, drain
   * NATS, force. Idempotent; joins a stop in progress.
   */
  close(): Promise<void>
}

/** What may be put in the place of the real thing. */
export type GatewayOptions = {
  readonly log?: Log
  /** This machine's clock, ms since 1970; that of the region is asked for. */
  readonly wall?: () => number
  /** Ends the start early. */
  readonly signal?: AbortSignal
}

/** A region's NATS may start later than its gateways. */
const NATS_CONNECT_MS = 60_000

/**
 * Starts a gateway: the composition root of the process. Sets the process's minimum TLS version to 1.3.
 * @throws MeshError or Error when a part cannot start; everything that was started is stopped again.
 */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  tls.DEFAULT_MIN_VERSION = 'TLSv1.3'
  const { log = gatewayLog(config), wall = Date.now, signal } = options
  const metrics = new Metrics(config.limits.metricTopicsMax)
  const health = new Health()
  const unready = new Set(['starting'])
  await using parts = new AsyncDisposableStack()

  const http = parts.use(
    await OperationsServer.open({ listen: config.http, metrics: metrics.registry, unready: () => [...unready], log }),
  )
  const certificates = parts.use(await openCertificates(config, log, metrics))
  const tracing = await openEventTracing(config)
  if (tracing !== undefined) parts.defer(() => tracing.close())
  const session = parts.use(await openSession(config, log, signal))
  parts.defer(watchSession(session, metrics, unready, health))
  const bucket = parts.use(await ConfigBucket.open({ session, replicas: config.replicas, log }))
  const registry = parts.use(await TopicRegistry.open({ session, bucket, limits: config.limits, log, metrics }))

  const ask = () => serverTime(session, bucket.stream)
  const time = parts.use(await RegionClock.open({ ask, session, log, wall }))
  metrics.followClock(time)
  const { now } = time
  const clock = new HybridClock(now)
  const views = new MarkedViews(session, log)
  const store = new EventStore({
    region: config.region,
    session,
    views,
    clock,
    time,
    metrics,
    log,
    tracing: tracing?.events,
  })
  parts.defer(() => store.close())
  parts.defer(registry.onChange((next, previous) => forgetTopics(store, next.topics, previous.topics)))

  const jwt = config.jwt === undefined ? undefined : new JwtVerifier({ config: config.jwt, log, now })
  parts.defer(() => jwt?.close())
  const calls = new OpenCalls(metrics)
  const authenticator = new Authenticator(jwt)
  const access = new TopicAccess(registry, metrics, now)
  const admins = new AdminAccess(config.admins, registry, now)
  const { limits } = config
  const room = new RequestRoom(limits.receiveBytesMax)
  const trust = parts.use(openTrust(certificates, registry))
  const isPeer = (spiffe: string | undefined) => {
    const peer = peerWithId(registry.snapshot, config.mesh, spiffe)
    return peer !== undefined && peer.region !== config.region
  }
  const rights = { access, admins, isPeer }
  const ownId = () => certificates.current.spiffe ?? regionId(config.mesh, config.region)
  const server = createGrpcServer(
    config,
    interceptors({ authenticator, trust, calls, metrics, log, room, rights, limits }),
  )
  parts.defer(() => server.forceShutdown())
  const tracedEvents = tracing?.events
  const replication = parts.use(
    await openReplication({
      config,
      session,
      registry,
      views,
      certificates,
      ownId,
      trust,
      clock,
      tracing: tracedEvents,
      log,
      metrics,
      now,
    }),
  )
  const { replicator, handlers, view } = replication
  const budget = new Budget(config.limits, metrics)
  const { publisher, forward } = parts.use(
    openPublishing({
      ...{ config, session, registry, store, budget, certificates, ownId, trust, replication, log, metrics, now },
    }),
  )
  addServices(server, {
    replication: handlers,
    forward,
    region: config.region,
    replicasDefault: config.replicas,
    session,
    bucket,
    registry,
    publisher,
    publishTimeoutMs: config.limits.publishTimeoutMs,
    calls,
    metrics,
    log,
    now,
    tracing: tracedEvents,
    budget,
    access,
    admins,
    streamBatchesMax: config.limits.streamBatchesMax,
    subscriptionsMax: config.limits.subscriptionsMax,
    groupsMax: config.limits.groupsMax,
    repairs: replicator.repairs,
    peers: () => view.peers(),
    lag: (topicKey) => view.lag(topicKey),
  })
  health.addToServer(server)
  if (config.reflection) addReflection(server)
  // Not awaited: certificates alone may be enough, and the issuer may come later.
  void jwt?.warm()

  const port = await bind(server, config, serverCredentials(trust, config))
  replicator.start()
  unready.delete('starting')
  health.setServing(unready.size === 0)
  const grpc = `${config.grpc.host}:${port}`
  log.info({ grpc, http: http.address, region: config.region }, 'gateway ready')

  const owned = parts.move()
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= stop({ config, server, health, unready, calls, replication, session, log }, owned)
    return closing
  }
  return { grpc, http: http.address, metrics, close, [Symbol.asyncDispose]: close }
}

type DrainParts = {
  readonly config: Config
  readonly server: Server
  readonly health: Health
  readonly unready: Set<string>
  readonly calls: OpenCalls
  readonly replication: Replication
  readonly session: NatsSession
  readonly log: Log
}

/** What is left of the grace when calls have ended is for everything else to close; at least this long. */
const CLOSE_MS_MIN = 1_000

/** Drains, and closes everything that the process has. */
async function stop(parts: DrainParts, owned: AsyncDisposableStack): Promise<void> {
  const { config, session, log } = parts
  const untilMs = performance.now() + config.drainMs
  await drain(parts)
  // Whatever still waits for NATS by then fails at once without the connection.
  const force = setTimeout(
    () => {
      log.warn({}, 'the grace is over and NATS has not answered everything: the connection is closed')
      void session.close()
    },
    Math.max(CLOSE_MS_MIN, untilMs - performance.now()),
  )
  try {
    await owned.disposeAsync()
  } finally {
    clearTimeout(force)
  }
}

/** Ends all calls: well until the grace is over, then by force. */
async function drain({ config, server, health, unready, calls, replication, log }: DrainParts): Promise<void> {
  log.info({ graceMs: config.drainMs }, 'draining')
  unready.add('draining')
  health.setServing(false)
  const grace = Promise.withResolvers<'grace is over'>()
  const timer = setTimeout(() => grace.resolve('grace is over'), config.drainMs)
  const stopped = Promise.withResolvers<void>()
  server.tryShutdown(() => stopped.resolve())
  // Our own streams end by themselves once what is in flight is answered; health watches and reflection are ended.
  const idle = calls.drain((path) => path.startsWith('/landbridge.v1.'))
  // At once: other gateways go on with our pulls while calls end here. Without NATS that may take for ever.
  const left = [replication.handlers.close(), replication.handOver()]
  const outcome = await Promise.race([Promise.all([idle, stopped.promise, ...left]).then(() => 'idle'), grace.promise])
  clearTimeout(timer)
  log.info({ outcome }, 'drained')
}

function openCertificates(config: Config, log: Log, metrics: Metrics): Promise<CertificateSource> {
  const { certificateFile, keyFile, caFile, reloadMs } = config.tls
  return CertificateSource.open({
    files: { certificateFile, keyFile, caFile },
    reloadMs,
    log,
    onProblem: () => metrics.certificateProblems.inc(),
  }).then((certificates) => {
    const show = () => metrics.certificateExpiry.set(certificates.current.leaf.validToDate.getTime() / 1000)
    certificates.onChange(show)
    show()
    return certificates
  })
}

/** Which CAs count for whom, by the RegionPeers of the moment. */
function openTrust(certificates: CertificateSource, registry: TopicRegistry): Trust {
  const trust = new Trust(certificates)
  const follow = () =>
    trust.setPeerCas([...registry.snapshot.peers.values()].flatMap(({ spec }) => spec.trust.ca ?? []))
  registry.onChange(follow)
  follow()
  return trust
}

function openSession(config: Config, log: Log, signal: AbortSignal | undefined): Promise<NatsSession> {
  const { servers, domain, credentialsFile, caFile } = config.nats
  return NatsSession.connect({
    servers,
    name: `landbridge-gateway ${config.region}/${config.gateway}`,
    domain,
    ...(caFile === undefined ? {} : { tls: { caFile } }),
    ...(credentialsFile === undefined ? {} : { credentialsFile }),
    ...(signal === undefined ? {} : { signal }),
    connectTimeoutMs: NATS_CONNECT_MS,
    log,
  })
}

/** Shows the connection in metrics and readiness; returns what ends that. */
function watchSession(session: NatsSession, metrics: Metrics, unready: Set<string>, health: Health): () => void {
  const show = () => {
    metrics.natsConnected.set(session.connected ? 1 : 0)
    if (session.connected) unready.delete(NATS_AWAY)
    else unready.add(NATS_AWAY)
    health.setServing(unready.size === 0)
  }
  show()
  return session.onChange(show)
}

const NATS_AWAY = "no connection to the region's NATS"

function forgetTopics(store: EventStore, next: ReadonlyMap<string, unknown>, previous: ReadonlyMap<string, unknown>) {
  for (const key of previous.keys()) if (!next.has(key)) store.forget(key)
}

/** The log of a gateway; lines about a call that carries a `traceparent` also have `trace_id` and `span_id`. */
export function gatewayLog({ region, gateway, logLevel }: Pick<Config, 'region' | 'gateway' | 'logLevel'>): Log {
  return createLog(logLevel, { region, gateway })
}
