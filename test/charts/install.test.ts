import { X509Certificate } from 'node:crypto'
import { makeNamespace, startCluster, type TestCluster, until } from '@landbridge/lab/kubernetes'
import { KubeClient, loadConfig, type Operator, startOperator } from '@landbridge/operator'
import { silentLog } from '@landbridge/service'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TOPIC } from '../../operator/api/index.ts'
import type { KubeObject, ResourceType } from '../../operator/k8s/index.ts'
import type { MeshResource } from '../../operator/reconcile/types.ts'
import { type NatsServers, startNatsServers } from '../nats-server.ts'
import { CHART, helmOn, type Manifest, MINIMAL, NAMESPACE, OLDER_CHART, RELEASE, render, type Values } from './helm.ts'
import { kubeconfigOf, runHooks } from './kubelet.ts'
import { containerOf, environmentOf } from './pods.ts'

const TENANT = 'acme'
/** Helm and an API server on a busy machine. */
const MINUTES = 10 * 60_000

const type = (plural: string, kind: string, group = '', namespaced = true): ResourceType => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced,
})
const SECRETS = type('secrets', 'Secret')
const DEFINITIONS = type('customresourcedefinitions', 'CustomResourceDefinition', 'apiextensions.k8s.io', false)
const STATEFUL_SETS = type('statefulsets', 'StatefulSet', 'apps')
const DEPLOYMENTS = type('deployments', 'Deployment', 'apps')
const EVENTS = type('events', 'Event', 'events.k8s.io')
const CLUSTER_ROLES = type('clusterroles', 'ClusterRole', 'rbac.authorization.k8s.io', false)
const TOPICS = { namespace: '', name: 'topics.landbridge.dev' }

type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> }
type Definition = KubeObject & {
  readonly spec: { readonly versions: readonly { readonly additionalPrinterColumns: readonly object[] }[] }
}

let cluster: TestCluster
let nats: NatsServers
const parts = new AsyncDisposableStack()

beforeAll(async () => {
  ;[cluster, nats] = await Promise.all([startCluster(), startNatsServers()])
  parts.use(cluster)
  parts.use(nats)
  for (const name of [NAMESPACE, TENANT]) await makeNamespace(cluster.client, name)
  // The fixture brings them; here it is the chart that does.
  await until(async () => {
    const { items } = await cluster.client.list(DEFINITIONS, undefined, {})
    for (const { metadata } of items) await cluster.client.delete(DEFINITIONS, { namespace: '', name: metadata.name })
    return items.length === 0
  })
}, MINUTES)

afterAll(() => parts.disposeAsync(), MINUTES)

/** Runs helm with a values file against the cluster, and whatever hooks it starts. */
async function helm(command: readonly string[], values: Values = {}) {
  const end = new AbortController()
  const hooks = runHooks(cluster.client, cluster.kubeconfig, NAMESPACE, end.signal)
  const result = await helmOn(cluster.kubeconfig, command, { ...MINIMAL, ...values }).finally(() => end.abort())
  return { ...result, hooks: await hooks }
}

/** An operator as its pod would run: its variables, and its account's rights. */
async function operatorOf(manifests: readonly Manifest[]): Promise<Operator> {
  const name = `${RELEASE}-operator`
  const kubeconfig = await kubeconfigOf(cluster.client, cluster.kubeconfig, NAMESPACE, name)
  const config = loadConfig({
    ...environmentOf(containerOf(manifests, name)),
    LANDBRIDGE_OPERATOR: 'pod-0',
    LANDBRIDGE_NATS_SERVERS: nats.urls.join(','),
    LANDBRIDGE_NATS_DOMAIN: nats.domain,
    LANDBRIDGE_REPLICAS: '1',
    LANDBRIDGE_HTTP_LISTEN: '127.0.0.1:0',
  })
  return startOperator(config, { log: silentLog(), client: KubeClient.fromEnvironment(kubeconfig) })
}

async function topicBecomesReady(name: string): Promise<void> {
  const { client } = cluster
  await client.create(TOPIC.type, TENANT, {
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'Topic',
    metadata: { name, namespace: TENANT },
    spec: {},
  })
  let last: unknown
  await until(async () => {
    const topic = await client.get<MeshResource>(TOPIC.type, { namespace: TENANT, name })
    last = topic?.status
    return topic?.status?.conditions?.some((it) => it.type === 'Ready' && it.status === 'True') === true
  }, MINUTES).catch((cause: unknown) => {
    throw new Error(`topic ${name}: is ${JSON.stringify(last)}, wanted it Ready`, { cause })
  })
}

function getTopics(): Promise<Definition | undefined> {
  return cluster.client.get<Definition>(DEFINITIONS, TOPICS)
}

test('install: definitions, a certificate by the hook, and an operator whose rights are enough', {
  timeout: MINUTES,
}, async () => {
  const { client } = cluster
  const { status, stderr, hooks } = await helm(['install', RELEASE, CHART])
  expect(status, `${stderr}\n${hooks.join('\n')}`).toBe(0)
  expect(hooks.length).toBe(2)

  const secret = await client.get<Secret>(SECRETS, { namespace: NAMESPACE, name: 'lb-gateway-tls' })
  const certificate = new X509Certificate(Buffer.from(secret?.data['tls.crt'] ?? '', 'base64'))
  const authority = new X509Certificate(Buffer.from(secret?.data['ca.crt'] ?? '', 'base64'))
  expect(certificate.checkHost('lb-gateway.mesh.svc')).toBe('lb-gateway.mesh.svc')
  expect(certificate.subjectAltName).toContain('URI:spiffe://landbridge.local/region/us-east')
  expect(certificate.verify(authority.publicKey)).toBe(true)
  expect((await getTopics())?.metadata.annotations).toMatchObject({
    'helm.sh/resource-policy': 'keep',
    'landbridge.dev/version': '0.1.0',
  })

  await using operator = await operatorOf(render())
  await until(async () => operator.leading, MINUTES)
  await topicBecomesReady('orders')
  await until(async () => (await client.list(EVENTS, TENANT, {})).items.length > 0)
  const account = await kubeconfigOf(client, cluster.kubeconfig, NAMESPACE, 'lb-operator')
  const limited = KubeClient.fromEnvironment(account)
  for (const namespace of [NAMESPACE, TENANT]) {
    await expect(limited.list(SECRETS, namespace, {})).rejects.toMatchObject({ status: 403 })
  }
})

test('upgrade: whatever may change does, the certificate stays, older definitions become new ones', {
  timeout: MINUTES,
}, async () => {
  const { client } = cluster
  const key = { namespace: NAMESPACE, name: 'lb-gateway-tls' }
  const before = await client.get(SECRETS, key)
  const columns = (await getTopics())?.spec.versions[0]?.additionalPrinterColumns
  // What an older chart would have brought: one column less, an older version.
  const old = JSON.parse(JSON.stringify(await getTopics()))
  old.spec.versions[0].additionalPrinterColumns.pop()
  old.metadata.annotations['landbridge.dev/version'] = '0.0.9'
  await client.replace(DEFINITIONS, TOPICS, old)

  const { status, stderr, hooks } = await helm(['upgrade', RELEASE, CHART], {
    commonLabels: { team: 'mesh' },
    gateway: {
      replicas: 3,
      drainSeconds: 60,
      podLabels: { tier: 'front' },
      service: { type: 'NodePort' },
      topologySpreadConstraints: [],
    },
    operator: { replicas: 2, logLevel: 'debug' },
    nats: {
      extraConfig: 'max_connections: 5000',
      resources: { limits: { memory: '4Gi' } },
      podLabels: { tier: 'store' },
    },
    monitoring: { dashboards: { enabled: true } },
  })
  expect(status, `${stderr}\n${hooks.join('\n')}`).toBe(0)
  expect((await client.get(SECRETS, key))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
  expect((await getTopics())?.spec.versions[0]?.additionalPrinterColumns).toEqual(columns)
  const deployment = await client.get(DEPLOYMENTS, { namespace: NAMESPACE, name: 'lb-gateway' })
  expect(deployment).toMatchObject({ spec: { replicas: 3 }, metadata: { labels: { team: 'mesh' } } })
})

test('a newer definition of another release stays', { timeout: MINUTES }, async () => {
  const newer = JSON.parse(JSON.stringify(await getTopics()))
  newer.metadata.annotations['landbridge.dev/version'] = '99.0.0'
  newer.spec.versions[0].additionalPrinterColumns.pop()
  await cluster.client.replace(DEFINITIONS, TOPICS, newer)
  const { status, stderr, hooks } = await helm(['upgrade', RELEASE, CHART])
  expect(status, stderr).toBe(0)
  expect(hooks.join('\n')).toContain('it is of a newer version')
  expect((await getTopics())?.spec).toEqual(newer.spec)
})

test('volumes cannot grow by an upgrade: it is refused, nothing changes, and the next one goes through', {
  timeout: MINUTES,
}, async () => {
  const key = { namespace: NAMESPACE, name: 'lb-nats' }
  const before = await cluster.client.get<KubeObject & { readonly spec: object }>(STATEFUL_SETS, key)
  const refused = await helm(['upgrade', RELEASE, CHART], { nats: { storage: { size: '20Gi' } } })
  expect(refused.status).not.toBe(0)
  expect(refused.stderr).toMatch(/volumeClaimTemplates|updates to statefulset spec/)
  const after = await cluster.client.get<KubeObject & { readonly spec: object }>(STATEFUL_SETS, key)
  expect(after?.spec).toEqual(before?.spec)
  expect((await helm(['upgrade', RELEASE, CHART])).status).toBe(0)
})

test('one tenant: rights in one namespace are enough', { timeout: MINUTES }, async () => {
  const { client } = cluster
  const values = { crds: { upgrade: false }, operator: { watchNamespace: TENANT } }
  const { status, stderr } = await helm(['upgrade', RELEASE, CHART], values)
  expect(status, stderr).toBe(0)
  expect(await client.get(CLUSTER_ROLES, { namespace: '', name: 'mesh-lb-operator' })).toBeUndefined()
  await using operator = await operatorOf(render(values))
  await until(async () => operator.leading, MINUTES)
  await topicBecomesReady('invoices')
  const account = await kubeconfigOf(client, cluster.kubeconfig, NAMESPACE, 'lb-operator')
  await expect(KubeClient.fromEnvironment(account).list(TOPIC.type, undefined, {})).rejects.toMatchObject({
    status: 403,
  })
})

test('uninstall: resources, their definitions and certificates stay', { timeout: MINUTES }, async () => {
  const { client } = cluster
  const { status, stderr } = await helm(['uninstall', RELEASE])
  expect(status, stderr).toBe(0)
  expect(await client.get(STATEFUL_SETS, { namespace: NAMESPACE, name: 'lb-nats' })).toBeUndefined()
  const topic = await client.get(TOPIC.type, { namespace: TENANT, name: 'orders' })
  expect(topic?.metadata.deletionTimestamp).toBeUndefined()
  expect(topic?.metadata.name).toBe('orders')
  for (const name of ['lb-gateway-tls', 'landbridge-ca']) {
    expect(await client.get(SECRETS, { namespace: NAMESPACE, name })).toBeDefined()
  }
})

test('upgrade from the older chart: the API server takes it, and volumes and their servers stay', {
  timeout: MINUTES,
}, async () => {
  const key = { namespace: NAMESPACE, name: 'lb-nats' }
  // The definitions are here, and newer: Helm would want to make them older, and is refused.
  const refused = await helm(['install', RELEASE, OLDER_CHART])
  expect(refused.stderr).toContain('conflict with "landbridge-definitions"')
  const older = await helm(['install', RELEASE, OLDER_CHART, '--skip-crds'])
  expect(older.status, `${older.stderr}\n${older.hooks.join('\n')}`).toBe(0)
  const before = await cluster.client.get(STATEFUL_SETS, key)
  expect(before?.metadata.labels?.['helm.sh/chart']).toBe('landbridge-0.1.0-a8bfac7')
  const { status, stderr, hooks } = await helm(['upgrade', RELEASE, CHART])
  expect(status, `${stderr}\n${hooks.join('\n')}`).toBe(0)
  const after = await cluster.client.get(STATEFUL_SETS, key)
  expect(after?.metadata.labels?.['helm.sh/chart']).toBe('landbridge-0.1.0')
  expect(after?.metadata.uid).toBe(before?.metadata.uid)
})
