import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeNamespace, startCluster, type TestCluster } from '../../lab/kubernetes/index.ts'
import { RELEASE, TENANT } from './operator.ts'
import { refusalOf, resourcesOf } from './resources.ts'

let cluster: TestCluster
const { topics, policies, peers } = resourcesOf(() => cluster.client)

beforeAll(async () => {
  cluster = await startCluster()
  await makeNamespace(cluster.client, RELEASE)
  await makeNamespace(cluster.client, TENANT)
}, 600_000)
afterAll(() => cluster[Symbol.asyncDispose]())

const POLICY = { principals: [{ subject: 'a' }], topics: ['*'], operations: ['publish'] }
const PEER = { endpoints: ['gateway.example:7443'] }

describe('the API server refuses, and says what is wanted', () => {
  test.each<[what: string, spec: object, message: RegExp]>([
    ['no partitions', { partitions: 0 }, /spec\.partitions.*greater than or equal to 1/],
    ['a storage that there is not', { storage: 'tape' }, /spec\.storage.*"file", "memory"/],
    ['an even number of replicas', { replicas: 2 }, /replicas is even, wanted 1, 3 or 5/],
    ['a duration that is none', { duplicateWindow: 'long' }, /spec\.duplicateWindow/],
    ['a size that is none', { maxEventBytes: 'big' }, /spec\.maxEventBytes/],
    [
      'a quorum of one region',
      { durability: 'quorum', replication: { regions: ['eu-west'] } },
      /durability is quorum and replication\.regions names one region, wanted two or more/,
    ],
    [
      'a quorum that waits for filtered events',
      { durability: 'quorum', replication: { filter: 'data.amount > 10' } },
      /durability is quorum and replication\.filter keeps events in their region, wanted durability local, or/,
    ],
    [
      'a quorum that waits for masked events',
      { durability: 'quorum', replication: { masks: [{ path: 'data.card', action: 'redact' }] } },
      /durability is quorum and replication\.masks leave no other region with the events as they are/,
    ],
    [
      'a quorum that waits for events of one region',
      { durability: 'quorum', replication: { classifications: [{ classification: 'pii', regions: ['eu-west'] }] } },
      /durability is quorum and only one region may hold a classification/,
    ],
    [
      'a classification in a region without the topic',
      { replication: { regions: ['eu-west'], classifications: [{ classification: 'secret', regions: ['mars'] }] } },
      /classifications names a region that is not in regions/,
    ],
    ['a region twice', { replication: { regions: ['eu-west', 'eu-west'] } }, /Duplicate value/],
    ['a deprecation without words', { deprecation: {} }, /spec\.deprecation\.message.*Required/],
    ['a deletion policy that there is not', { deletionPolicy: 'Maybe' }, /"Retain", "Delete"/],
  ])('a topic with %s', async (_what, spec, message) => {
    expect(await refusalOf(topics.create('wrong', spec))).toMatch(message)
  })

  test('a topic whose name the mesh cannot use', async () => {
    const name = 'a'.repeat(129)
    expect(await refusalOf(topics.create(name))).toMatch(/name is not usable, wanted labels .* at most 128 characters/)
  })

  test.each<[what: string, before: object, change: object, message: RegExp]>([
    [
      'fewer partitions',
      { partitions: 3 },
      { partitions: 2 },
      /partitions cannot shrink: who reads one by its subject would wait in vain/,
    ],
    ['another storage', {}, { storage: 'memory' }, /storage cannot change: make another topic/],
    ['other replicas', { replicas: 1 }, { replicas: 3 }, /replicas cannot change yet: make another topic/],
    ['replicas of its own', {}, { replicas: 3 }, /replicas cannot change yet: make another topic/],
    ['replicas no more', { replicas: 1 }, { replicas: null }, /replicas cannot change yet: make another topic/],
    ['another duplicate window', {}, { duplicateWindow: '5m' }, /duplicateWindow cannot change yet/],
  ])('a topic that is to have %s', async (what, before, change, message) => {
    const name = what.replaceAll(' ', '-')
    await topics.create(name, before)
    expect(await refusalOf(topics.patch(name, { spec: change }))).toMatch(message)
    await topics.patch(name, { spec: { partitions: 8, description: 'another' } })
  })

  test.each<[what: string, spec: object, message: RegExp]>([
    ['nobody', { ...POLICY, principals: [] }, /spec\.principals/],
    ['a principal without a name', { ...POLICY, principals: [{}] }, /names nobody, wanted subject, issuer, group/],
    ['an operation that there is not', { ...POLICY, operations: ['read'] }, /"publish", "subscribe", "admin"/],
    ['no topics', { principals: POLICY.principals, operations: POLICY.operations }, /spec\.topics.*Required/],
    ['an identity that is none', { ...POLICY, principals: [{ spiffe: 'http://x' }] }, /spiffe/],
  ])('a policy with %s', async (_what, spec, message) => {
    expect(await refusalOf(policies.create('wrong', spec))).toMatch(message)
  })

  test.each<[what: string, name: string, spec: object, message: RegExp]>([
    ['that is no name of a region', 'eu.west', PEER, /name is no name of a region, wanted a-z, 0-9 and "-"/],
    ['without endpoints', 'eu-west', { endpoints: [] }, /spec\.endpoints/],
    ['with an endpoint without a port', 'eu-west', { endpoints: ['gateway.example'] }, /spec\.endpoints/],
    ['with a cost below 0', 'eu-west', { ...PEER, cost: -1 }, /spec\.cost/],
  ])('a peer %s', async (_what, name, spec, message) => {
    expect(await refusalOf(peers.create(name, spec))).toMatch(message)
  })
})

test('a quorum that may degrade, or that everybody can be part of, is taken', async () => {
  const everywhere = [{ classification: 'pii', regions: ['*'] }]
  const filter = 'data.amount > 10'
  await topics.create('degrades', { durability: 'quorum', quorumFallback: 'degrade', replication: { filter } })
  await topics.create('everywhere', { durability: 'quorum', replication: { classifications: everywhere } })
})

test('defaults are filled in', async () => {
  const made = await topics.create('plain')
  expect(made.spec).toMatchObject({ partitions: 1, ordering: 'key', storage: 'file', deletionPolicy: 'Retain' })
  expect((await peers.create('us-east', PEER)).spec).toMatchObject({ cost: 100, topics: ['*/*'] })
})
