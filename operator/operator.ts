import { configKeyOfStream, parseDocumentKey } from '@landbridge/core'
import { createLog, type Log, OperationsServer } from '@landbridge/service'
import type { Config } from './config.ts'
import { uniqueIdentity } from './config-variables.ts'
import { Election, EventRecorder, KubeClient, type LeaseTimes } from './k8s/index.ts'
import { OperatorMetrics } from './metrics.ts'
import { accessPolicyKind, type Kind, ResourceController, regionPeerKind, topicKind } from './reconcile/index.ts'
import { Region, type RegionOptions } from './region/index.ts'
import type { OperatorTracing } from './tracing.ts'

/** An operator that runs. */
export type Operator = AsyncDisposable & {
  /** "host:port" of the operations endpoints. */
  readonly http: string
  readonly metrics: OperatorMetrics
  /** True while this process leads. */
  readonly leading: boolean
  /** Gives the lease back, finishes what is being written, stops. Idempotent. */
  close(): Promise<void>
}

/** What may be put in the place of the real thing. */
export type OperatorOptions = {
  readonly log?: Log
  readonly client?: KubeClient
  readonly leaseTimes?: LeaseTimes
  /** Between two readings of links and lag, in ms. Default 10 s. */
  readonly figuresMs?: number
}

/** After that it is told that the region's NATS cannot be reached; trying goes on. */
const NATS_CONNECT_MS = 20_000
/** An API server that was not heard for this long makes the operator unready. */
const API_SILENCE_MS = 120_000

/**
 * Starts an operator: the composition root of the process. It follows resources from the start, and works on them while
 * it holds the lease.
 * @throws Error when a part cannot start; everything that was started is stopped again.
 */
export async function startOperator(config: Config, options: OperatorOptions = {}): Promise<Operator> {
  const { log = operatorLog(config) } = options
  await using parts = new AsyncDisposableStack()
  const metrics = new OperatorMetrics()
  const tracing = await openOperatorTracing(config)
  if (tracing !== undefined) parts.defer(() => tracing.close())
  const client = options.client ?? KubeClient.fromEnvironment(config.kubeconfig)
  const controllers = new Map<string, ResourceController>()
  const each = (act: (controller: ResourceController) => void) => {
    for (const controller of controllers.values()) act(controller)
  }
  const changed = (key: string | undefined) => {
    if (key !== undefined) each((controller) => controller.regionChanged(key))
  }
  const resync = () => each((controller) => controller.resync())
  let election: Election | undefined
  const leading = () => election?.leading === true
  const region = parts.use(
    new Region({
      name: config.region,
      nats: natsOptions(config),
      replicas: config.replicas,
      pollMs: config.pollSeconds * 1_000,
      log,
      leading,
      figuresMs: options.figuresMs,
      onStream: (stream) => changed(configKeyOfStream(stream)),
      onGroupDeleted: (stream, group) => {
        const key = configKeyOfStream(stream)
        if (key !== undefined) each((controller) => controller.groupDeleted(key, group))
      },
      onEntry: changed,
      onCurrent: resync,
      onGateways: () => each((controller) => controller.gatewaysMoved()),
      onTopicFigures: (topic) => changed(parseDocumentKey('Topic', topic).value?.key),
      onPeerFigures: (peer) => changed(parseDocumentKey('RegionPeer', peer).value?.key),
    }),
  )
  const hands = { client, region, assertLeading: () => assertLeading(election) }
  const recorder = new EventRecorder(client, config.identity, log)
  for (const kind of kindsOf(config, region)) {
    const { kind: name } = kind.definition.type
    const namespace = name === 'RegionPeer' ? config.namespace : config.watchNamespace
    const controller = new ResourceController({
      kind,
      hands,
      recorder,
      log,
      metrics,
      tracing,
      namespace,
      tenantOf: (namespace) => config.tenant ?? namespace,
      workers: config.workers,
      leading,
    })
    controllers.set(name, parts.use(controller))
  }
  metrics.follow(controllers, leading)
  const http = parts.use(
    await OperationsServer.open({
      listen: config.httpListen,
      metrics: metrics.registry,
      unready: () => unreadyReasons(controllers, region),
      log,
    }),
  )
  election = parts.use(
    new Election({
      client,
      lease: { namespace: config.namespace, name: config.lease },
      identity: uniqueIdentity(config.identity),
      log,
      ...(options.leaseTimes === undefined ? {} : { times: options.leaseTimes }),
      onTerm: async (term) => {
        resync()
        await ended(term)
      },
    }),
  )
  log.info({ http: http.address, region: config.region }, 'operator ready')
  const owned = parts.move()
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= owned.disposeAsync()
    return closing
  }
  return {
    http: http.address,
    metrics,
    get leading() {
      return leading()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The log of an operator. */
export function operatorLog({ region, identity, logLevel }: Config): Log {
  return createLog(logLevel, { region, operator: identity })
}

/** Undefined without an endpoint: then nothing of it is loaded. */
async function openOperatorTracing(config: Config): Promise<OperatorTracing | undefined> {
  if (config.otlpEndpoint === undefined) return undefined
  const { openReconcileTracing } = await import('./tracing.ts')
  return openReconcileTracing(config.otlpEndpoint, config)
}

function kindsOf(config: Config, region: Region): readonly Kind[] {
  return [topicKind({ region, replicasDefault: config.replicas }), accessPolicyKind(region), regionPeerKind(region)]
}

function assertLeading(election: Election | undefined): void {
  if (election === undefined) throw new Error('lease: is not held yet')
  election.assertLeading()
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function unreadyReasons(controllers: ReadonlyMap<string, ResourceController>, region: Region): string[] {
  const reasons = [...controllers].flatMap(([kind, { heardMs }]) => {
    if (heardMs === undefined) return [`${kind}: not listed yet`]
    return Date.now() - heardMs > API_SILENCE_MS ? [`${kind}: the API server is silent`] : []
  })
  return region.connected ? reasons : [...reasons, "no connection to the region's NATS"]
}

function natsOptions(config: Config): RegionOptions['nats'] {
  const { natsServers, natsDomain, natsCa, natsCredentials, region, identity } = config
  return {
    servers: natsServers,
    name: `landbridge-operator ${region}/${identity}`,
    domain: natsDomain,
    ...(natsCa === undefined ? {} : { tls: { caFile: natsCa } }),
    ...(natsCredentials === undefined ? {} : { credentialsFile: natsCredentials }),
    connectTimeoutMs: NATS_CONNECT_MS,
  }
}
