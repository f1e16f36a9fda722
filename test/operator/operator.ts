import { randomUUID } from 'node:crypto'
import { NatsSession, Streams } from '@landbridge/nats'
import { KubeClient, loadConfig, type Operator, startOperator } from '@landbridge/operator'
import { silentLog } from '@landbridge/service'
import { TOPIC } from '../../operator/api/index.ts'
import type { MeshResource } from '../../operator/reconcile/types.ts'
import { type NatsServers, startNatsServers } from '../nats-server.ts'
import { makeNamespace, startCluster, type TestCluster, until } from './cluster.ts'

/** A cluster, a region's NATS and an operator between them. */
export type OperatorFixture = AsyncDisposable & {
  readonly cluster: TestCluster
  readonly nats: NatsServers
  readonly session: NatsSession
  readonly streams: Streams
  readonly operator: Operator
  /** Starts one more operator of the same region. */
  another(options?: { readonly kubeconfig?: string }): Promise<Operator>
}

/** Namespaces of the release, and of a tenant. */
export const RELEASE = 'landbridge'
export const TENANT = 'acme'

/** Starts all of it. */
export async function startOperatorFixture(
  options: {
    /** Puts something between the operator and the API server's port; returns the port to dial instead. */
    readonly through?: (port: number) => Promise<number>
  } = {},
): Promise<OperatorFixture> {
  await using parts = new AsyncDisposableStack()
  const [cluster, nats] = await Promise.all([startCluster(), startNatsServers()])
  parts.use(cluster)
  parts.use(nats)
  await makeNamespace(cluster.client, RELEASE)
  await makeNamespace(cluster.client, TENANT)
  const session = parts.use(await NatsSession.connect({ servers: nats.urls, name: 'test' }))
  const another = async ({ kubeconfig = cluster.kubeconfig }: { readonly kubeconfig?: string } = {}) =>
    parts.use(await runOperator(nats, kubeconfig))
  const dialled = await options.through?.(cluster.port)
  const kubeconfig = dialled === undefined ? cluster.kubeconfig : await cluster.kubeconfigAt(dialled)
  const operator = await another({ kubeconfig })
  await until(async () => operator.leading)
  const owned = parts.move()
  return {
    cluster,
    nats,
    session,
    streams: new Streams(session),
    operator,
    another: ({ kubeconfig = cluster.kubeconfig } = {}) => runOperator(nats, kubeconfig).then((one) => owned.use(one)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function runOperator(nats: NatsServers, kubeconfig: string): Promise<Operator> {
  const config = loadConfig({
    LANDBRIDGE_REGION: 'eu-west',
    LANDBRIDGE_NATS_SERVERS: nats.urls.join(','),
    LANDBRIDGE_NATS_DOMAIN: nats.domain,
    LANDBRIDGE_NAMESPACE: RELEASE,
    LANDBRIDGE_OPERATOR: `operator-${randomUUID().slice(0, 8)}`,
    LANDBRIDGE_HTTP_LISTEN: '127.0.0.1:0',
  })
  return startOperator(config, { log: silentLog(), client: KubeClient.fromEnvironment(kubeconfig) })
}

/** A Topic as people write it. */
export function topic(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'Topic',
    metadata: { name, namespace: TENANT, ...metadata },
    spec,
  }
}

/** Creates a Topic. */
export function createTopic(
  client: KubeClient,
  name: string,
  spec: object = {},
  metadata: object = {},
): Promise<MeshResource> {
  return client.create(TOPIC.type, TENANT, topic(name, spec, metadata))
}

/** Changes a Topic as a person would. */
export function patchTopic(client: KubeClient, name: string, patch: object): Promise<MeshResource> {
  return client.merge(TOPIC.type, { namespace: TENANT, name }, patch, { fieldManager: 'person' })
}

/** The Topic now. */
export function getTopic(client: KubeClient, name: string): Promise<MeshResource | undefined> {
  return client.get(TOPIC.type, { namespace: TENANT, name })
}

/** Waits until a condition of a Topic is as wanted, for its newest spec; returns the Topic. */
export async function untilCondition(
  client: KubeClient,
  name: string,
  type: string,
  status: string,
  withinMs = 15_000,
): Promise<MeshResource> {
  let last: MeshResource | undefined
  await until(async () => {
    last = await getTopic(client, name)
    const found = last?.status?.conditions?.find((condition) => condition.type === type)
    return found?.status === status && found.observedGeneration === last?.metadata.generation
  }, withinMs).catch((cause: unknown) => {
    throw new Error(`${name}: wanted ${type} ${status}, is ${JSON.stringify(last?.status)}`, { cause })
  })
  if (last === undefined) throw new Error(`${name}: is gone`)
  return last
}
