import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crdOf, KubeClient, RESOURCES } from '@landbridge/operator'
import { ensureTool } from '../../scripts/tool.mjs'
import { PortReservation } from '../process/ports.ts'
import { CertificateAuthority } from '../trust/certificate-authority.ts'
import { requestText } from './request-text.ts'
import { until } from './until.ts'

/** A real Kubernetes API on loopback: etcd and kube-apiserver, nothing behind them. */
export type TestCluster = AsyncDisposable & {
  /** With every right. */
  readonly client: KubeClient
  /** File with the address and an administrator's token. */
  readonly kubeconfig: string
  /** The same with the token of an ordinary user who may do everything: the API server throttles no administrator. */
  readonly userKubeconfig: string
  /** Where the API server listens. */
  readonly port: number
  /** A kubeconfig of the same user that dials another port: a proxy in between. */
  kubeconfigAt(port: number): Promise<string>
  /** Ends the API server; SIGKILL. */
  killApiServer(): Promise<void>
  startApiServer(): Promise<void>
  /** How many requests the API server has taken that change resources of this kind ("topics"), by whomever. */
  writes(plural: string): Promise<number>
  /** Removes all old versions from etcd, so that a watch that begins there gets 410. */
  compact(): Promise<void>
}

/** Go collects garbage whenever the heap has doubled: a heap as small as these does so many times a second. */
const GO_HEAP_GROWTH_PERCENT = '300'
/** Three seconds on a machine of its own; others may keep it busy. */
const START_MS = 240_000
const CRDS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const BINDINGS = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
}
const USER = 'user'
const BINDING = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: USER },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: USER }],
}
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }

/** Starts a cluster with the CRDs of the mesh. @param flags more of them for the API server */
export async function startCluster(flags: readonly string[] = []): Promise<TestCluster> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-kube-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const ports = parts.use(new PortReservation())
  const [etcdPort, peerPort, port] = [await ports.take(), await ports.take(), await ports.take()]
  const authority = await CertificateAuthority.open(join(folder, 'pki'), 'kube-ca')
  const serving = await authority.issue({ name: 'apiserver', dns: ['localhost'] })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  await writeFile(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const [token, userToken] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')]
  await writeFile(join(folder, 'tokens.csv'), `${token},admin,1,"system:masters"\n${userToken},${USER},2\n`)
  await mkdir(join(folder, 'etcd'), { mode: 0o700 })
  const etcd = `http://127.0.0.1:${etcdPort}`
  const run = (name: string, command: string, args: readonly string[]) => start(folder, name, command, args)
  const etcdProcess = run('etcd', await ensureTool('etcd'), [
    `--data-dir=${folder}/etcd`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ])
  parts.defer(() => kill(etcdProcess))
  const apiServer = await ensureTool('kube-apiserver')
  const args = [
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${serving.cert}`,
    `--tls-private-key-file=${serving.key}`,
    `--token-auth-file=${folder}/tokens.csv`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${folder}/sa.pub`,
    `--service-account-signing-key-file=${folder}/sa.key`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=RBAC',
    '--endpoint-reconciler-type=none',
    ...flags,
  ]
  let server: ChildProcess | undefined
  parts.defer(async () => kill(server))
  const kubeconfigAt = async (at: number, name = 'admin', bearer = token): Promise<string> => {
    const file = join(folder, `kubeconfig-${name}-${at}.json`)
    await writeFile(file, kubeconfigOf(at, serving.ca, bearer))
    return file
  }
  const kubeconfig = await kubeconfigAt(port)
  const userKubeconfig = await kubeconfigAt(port, USER, userToken)
  const client = KubeClient.fromEnvironment(kubeconfig)
  const startApiServer = async (): Promise<void> => {
    server = run('apiserver', apiServer, args)
    await untilReady(client, server, folder)
    await applyCrds(client)
  }
  await startApiServer()
  await client.apply(BINDINGS, { namespace: '', name: USER }, BINDING, { fieldManager: 'test' })
  const owned = parts.move()
  return {
    client,
    kubeconfig,
    userKubeconfig,
    port,
    kubeconfigAt: (at) => kubeconfigAt(at),
    startApiServer,
    killApiServer: () => kill(server),
    writes: async (plural) => {
      const url = `https://localhost:${port}/metrics`
      return writesIn(await requestText(url, { ca: await readFile(serving.ca, 'utf8'), token }), plural)
    },
    compact: () => compact(etcd),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Makes a namespace. */
export async function makeNamespace(client: KubeClient, name: string): Promise<void> {
  await client.create(NAMESPACES, undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
}

async function applyCrds(client: KubeClient): Promise<void> {
  for (const resource of RESOURCES) {
    const name = `${resource.type.plural}.${resource.type.group}`
    await client.apply(CRDS, { namespace: '', name }, crdOf(resource), { fieldManager: 'test' })
  }
  // Paths are installed a little after that, after a restart, too.
  for (const { type } of RESOURCES) {
    await until(async () => {
      await client.list(type, undefined, { limit: 1 })
      return true
    }, START_MS)
  }
}

function start(folder: string, name: string, command: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(folder, `${name}.log`), 'a')
  const child = spawn(command, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, GOGC: GO_HEAP_GROWTH_PERCENT },
  })
  // Also when this process fails or is interrupted; only a SIGKILL of it gets past this.
  const killChild = () => child.kill('SIGKILL')
  process.once('exit', killChild)
  child.once('exit', () => process.off('exit', killChild))
  return child
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function untilReady(client: KubeClient, server: ChildProcess, folder: string): Promise<void> {
  await until(async () => {
    if (server.exitCode !== null) {
      const log = await readFile(join(folder, 'apiserver.log'), 'utf8')
      throw new Error(`kube-apiserver ended with ${server.exitCode}:\n${log.slice(-2_000)}`)
    }
    await client.list(NAMESPACES, undefined, { limit: 1 })
    return (await client.get(NAMESPACES, { namespace: '', name: 'default' })) !== undefined
  }, START_MS)
}

const CHANGES = ['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'DELETECOLLECTION']

/** The requests of the API server's own metrics that change resources of a kind. */
function writesIn(metrics: string, plural: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith('apiserver_request_total{'))
  return lines
    .filter((line) => line.includes(`resource="${plural}"`) && CHANGES.some((verb) => line.includes(`verb="${verb}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

function kubeconfigOf(port: number, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: `https://localhost:${port}`, 'certificate-authority': ca } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  })
}

/** By etcd's JSON gateway. */
async function compact(etcd: string): Promise<void> {
  const post = async (path: string, body: unknown): Promise<{ readonly header?: { readonly revision?: string } }> => {
    const answer = await fetch(`${etcd}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return (await answer.json()) as { readonly header?: { readonly revision?: string } }
  }
  const { header } = await post('/v3/kv/range', { key: Buffer.from('a').toString('base64') })
  await post('/v3/kv/compaction', { revision: header?.revision, physical: true })
}
