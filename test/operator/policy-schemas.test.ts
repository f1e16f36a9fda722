import { fromData } from '@landbridge/core'
import { makeNamespace, startCluster, type TestCluster } from '@landbridge/lab/kubernetes'
import type { KubeClient } from '@landbridge/operator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACCESS_POLICY, REGION_PEER } from '../../operator/api/index.ts'
import type { MeshResource } from '../../operator/reconcile/types.ts'

const TENANT = 'acme'
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
  await makeNamespace(cluster.client, TENANT)
}, 600_000)
afterAll(() => cluster?.[Symbol.asyncDispose]())

const create = (
  client: KubeClient,
  definition: typeof ACCESS_POLICY,
  name: string,
  spec: object,
): Promise<MeshResource> => {
  const { kind, group, version } = definition.type
  const metadata = { name, namespace: TENANT }
  return client.create(definition.type, TENANT, { apiVersion: `${group}/${version}`, kind, metadata, spec })
}
const policy = (spec: object, name = 'wrong') =>
  create(cluster.client, ACCESS_POLICY, name, {
    ...{ principals: [{ subject: 'a' }], topics: ['orders'], operations: ['subscribe'] },
    ...spec,
  })
const peer = (spec: object, name = 'wrong') =>
  create(cluster.client, REGION_PEER, name, { endpoints: ['gateway.example:443'], ...spec })

describe('the API server', () => {
  test('takes what a gateway takes, and keeps all of it', async () => {
    const masks = [
      { path: 'data.items[*].card', action: 'redact' },
      { path: 'data["a name"].x', action: 'hash' },
      { path: 'data', action: 'drop' },
    ]
    const limited = { masks, quotas: { eventsPerSecond: 5, bytesPerSecond: '1MiB' }, condition: 'principal.claims.a' }
    const trust = { spiffe: 'spiffe://other/gateway', jwks: '{"keys":[]}', ca: PEM }
    const ways = { exports: ['acme/*'], imports: [], trust }
    const stored = [await policy(limited, 'limited'), await peer(ways, 'eu-west')]
    expect(stored.map(({ spec }) => spec)).toMatchObject([limited, ways])
    const document = { apiVersion: 'landbridge.dev/v1alpha1', kind: 'AccessPolicy', spec: stored[0]?.spec }
    expect(fromData({ ...document, metadata: { namespace: TENANT, name: 'limited' } }).error).toBeUndefined()
  })

  test.each<[string, object, RegExp]>([
    [
      'masks for nobody',
      { operations: ['publish'], masks: [{ path: 'data.a', action: 'drop' }] },
      /masks are for subscribers/,
    ],
    ['a mask without action', { masks: [{ path: 'data.a' }] }, /masks\[0\]\.action: Required/],
    ['a path of no data', { masks: [{ path: 'customer.email', action: 'drop' }] }, /masks\[0\]\.path/],
    ['all of data redacted', { masks: [{ path: 'data', action: 'redact' }] }, /wanted that for all of data/],
    ['quotas for nobody', { operations: ['admin'], quotas: { eventsPerSecond: 1 } }, /quotas are for events/],
    ['a quota of nothing', { quotas: { eventsPerSecond: 0 } }, /eventsPerSecond/],
    ['a quota that is no size', { quotas: { bytesPerSecond: 'much' } }, /bytesPerSecond/],
  ])('refuses %s', async (_, spec, message) => {
    await expect(policy(spec)).rejects.toThrow(message)
  })

  test.each<[string, object, RegExp]>([
    ['a CA that is none', { trust: { ca: 'hello' } }, /ca has no certificate/],
    ['a private key', { trust: { ca: `${PEM}-----BEGIN PRIVATE KEY-----` } }, /or a private key/],
    ['a SPIFFE id of nobody', { trust: { spiffe: 'eu-west' } }, /trust\.spiffe/],
    ['exports of no tenant', { exports: ['orders'] }, /exports\[0\]/],
  ])('refuses a peer with %s', async (_, spec, message) => {
    await expect(peer(spec)).rejects.toThrow(message)
  })
})
