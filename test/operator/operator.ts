import { randomUUID } from 'node:crypto'
import { type Lab, type LabOptions, startLab } from '@landbridge/lab'
import { makeNamespace, startCluster, type TestCluster, until } from '@landbridge/lab/kubernetes'
import { NatsSession, Streams } from '@landbridge/nats'
import { KubeClient, loadConfig, type Operator, startOperator } from '@landbridge/operator'
import { silentLog } from '@landbridge/service'
import { type NatsServers, startNatsServers } from '../nats-server.ts'

/** Where an operator works, and how. */
export type OperatorPlace = {
  readonly kubeconfig: string
  readonly nats: Pick<NatsServers, 'urls' | 'domain'>
  /** Further environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** A cluster, a region's NATS and an operator between them. */
export type OperatorFixture = AsyncDisposable & {
  readonly cluster: TestCluster
  readonly nats: NatsServers
  readonly session: NatsSession
  readonly streams: Streams
  readonly operator: Operator
  /** Starts one more operator of the same region. */
  another(place?: Partial<OperatorPlace>): Promise<Operator>
}

/** A mesh of real gateways, and an operator of one of its regions. */
export type MeshFixture = AsyncDisposable & {
  readonly cluster: TestCluster
  readonly lab: Lab
  readonly operator: Operator
  /** The operator's region. */
  readonly region: string
}

/** Its first list and its lease come within two seconds on a machine of its own. */
const LEADING_MS = 120_000

/** Namespaces of the release, and of a tenant. */
export const RELEASE = 'landbridge'
export const TENANT = 'acme'

/** Starts all of it. */
export async function startOperatorFixture(
  options: {
    /** Puts something between the operator and the API server's port; returns the port to dial instead. */
    readonly through?: (port: number) => Promise<number>
    /** Further environment of the operator. */
    readonly env?: Readonly<Record<string, string>>
    /** More lines for the configuration of the region's NATS. */
    readonly natsConfig?: string
    /** The operator is an ordinary user, whom the API server throttles. */
    readonly user?: boolean
    /** Further flags of the API server. */
    readonly flags?: readonly string[]
  } = {},
): Promise<OperatorFixture> {
  await using parts = new AsyncDisposableStack()
  // In turn: when one does not start, nothing of the other is left behind.
  const nats = parts.use(await startNatsServers({ config: options.natsConfig ?? '' }))
  const cluster = parts.use(await startCluster(options.flags))
  await makeNamespace(cluster.client, RELEASE)
  await makeNamespace(cluster.client, TENANT)
  const session = parts.use(await NatsSession.connect({ servers: nats.urls, name: 'test' }))
  const dialled = await options.through?.(cluster.port)
  const direct = options.user === true ? cluster.userKubeconfig : cluster.kubeconfig
  const kubeconfig = dialled === undefined ? direct : await cluster.kubeconfigAt(dialled)
  const place = { kubeconfig: direct, nats, ...(options.env === undefined ? {} : { env: options.env }) }
  const operator = parts.use(await runOperator({ ...place, kubeconfig }))
  await until(async () => operator.leading, LEADING_MS)
  const owned = parts.move()
  return {
    cluster,
    nats,
    session,
    streams: new Streams(session),
    operator,
    another: async (other) => owned.use(await runOperator({ ...place, ...other })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Starts a mesh of real gateways in two regions, and an operator of the second. */
export async function startMeshFixture(options: LabOptions = {}): Promise<MeshFixture> {
  await using parts = new AsyncDisposableStack()
  const region = 'eu-west'
  const lab = parts.use(await startLab({ regions: ['us-east', region], ...options }))
  const cluster = parts.use(await startCluster())
  await makeNamespace(cluster.client, RELEASE)
  await makeNamespace(cluster.client, TENANT)
  const nats = { urls: lab.region(region).natsUrls, domain: region }
  const operator = parts.use(await runOperator({ kubeconfig: cluster.kubeconfig, nats }, { figuresMs: 500 }))
  await until(async () => operator.leading, LEADING_MS)
  const owned = parts.move()
  return { cluster, lab, operator, region, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** A figure of an operator's metrics, by its name with labels; 0 when it is not there. */
export async function figureOf({ http }: Operator, name: string): Promise<number> {
  const lines = (await (await fetch(`http://${http}/metrics`)).text()).split('\n')
  return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0)
}

/** Starts an operator. */
export function runOperator(
  { kubeconfig, nats, env = {} }: OperatorPlace,
  options: Parameters<typeof startOperator>[1] = {},
): Promise<Operator> {
  const config = loadConfig({
    LANDBRIDGE_REGION: 'eu-west',
    LANDBRIDGE_NATS_SERVERS: nats.urls.join(','),
    LANDBRIDGE_NATS_DOMAIN: nats.domain,
    LANDBRIDGE_NAMESPACE: RELEASE,
    LANDBRIDGE_OPERATOR: `operator-${randomUUID().slice(0, 8)}`,
    LANDBRIDGE_HTTP_LISTEN: '127.0.0.1:0',
    ...env,
  })
  return startOperator(config, { log: silentLog(), client: KubeClient.fromEnvironment(kubeconfig), ...options })
}
