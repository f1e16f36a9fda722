import { setTimeout as delay } from 'node:timers/promises'
import { fromData, streamName, unwrap } from '@landbridge/core'
import { ConfigBucket, StreamReader } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../lab/kubernetes/index.ts'
import type { KubeObject } from '../../operator/k8s/index.ts'
import { type OperatorFixture, startOperatorFixture, TENANT } from './operator.ts'
import { type Resources, resourcesOf } from './resources.ts'

/** From what somebody did to what it was before. */
const REPAIR_MS = 5_000

let fixture: OperatorFixture
let config: ConfigBucket
const { topics, policies, peers } = resourcesOf(() => fixture.cluster.client)
const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))

beforeAll(async () => {
  fixture = await startOperatorFixture()
  config = await ConfigBucket.open({ session: fixture.session, replicas: 1 })
}, 600_000)
afterAll(async () => {
  await config.close()
  await fixture[Symbol.asyncDispose]()
})

/** A kind, a resource of it, and another text for its entry. */
type Case = {
  readonly kind: string
  readonly resources: Resources
  readonly name: string
  readonly spec: object
  readonly key: string
  readonly edited: object
}

const POLICY = { principals: [{ subject: 'a' }], topics: ['*'], operations: ['publish'] }
const CASES: readonly Case[] = [
  {
    kind: 'Topic',
    resources: topics,
    name: 'edited',
    spec: {},
    key: 'topic.acme.edited',
    edited: { metadata: { namespace: TENANT, name: 'edited' }, spec: { owner: 'thief' } },
  },
  {
    kind: 'AccessPolicy',
    resources: policies,
    name: 'team',
    spec: POLICY,
    key: 'policy.acme.team',
    edited: { metadata: { namespace: TENANT, name: 'team' }, spec: { ...POLICY, operations: ['admin'] } },
  },
  {
    kind: 'RegionPeer',
    resources: peers,
    name: 'us-east',
    spec: { endpoints: ['a.example:7443'] },
    key: 'peer.us-east',
    edited: { metadata: { name: 'us-east' }, spec: { endpoints: ['b.example:7443'] } },
  },
]

describe('what others change', () => {
  test.each(CASES)('of the configuration of a $kind is repaired within 5 s, shown and counted', async (given) => {
    const { kind, resources, name, spec, key, edited } = given
    await resources.create(name, spec)
    await resources.untilCondition(name, 'Ready', 'True')
    const stored = (await config.get(key))?.value
    expect(stored).toBeDefined()
    const counted = await driftCount(kind)

    await config.put(unwrap(fromData({ apiVersion: 'landbridge.dev/v1alpha1', kind, ...edited })))
    await until(async () => (await config.get(key))?.value === stored, REPAIR_MS)
    await resources.until(name, ({ status }) => status?.drift?.repairs === 1)
    await config.delete(key)
    await until(async () => (await config.get(key))?.value === stored, REPAIR_MS)
    const after = await resources.until(name, ({ status }) => status?.drift?.repairs === 2)
    expect(after.status?.drift?.lastChanges).toMatch(/configuration was deleted/)
    await resources.untilCondition(name, 'Drifted', 'False')
    expect(await driftCount(kind)).toBe(counted + 2)
  })

  test('of a stream is repaired within 5 s, and Drifted is seen meanwhile', async () => {
    await topics.create('watched', { retention: { age: '7d' } })
    await topics.untilCondition('watched', 'Ready', 'True')
    const ended = new AbortController()
    const seen: string[] = []
    const { resourceVersion } = (await topics.get('watched'))?.metadata ?? {}
    const watching = fixture.cluster.client
      .watch(topics.type, TENANT, { query: { resourceVersion }, signal: ended.signal }, ({ object }) => {
        const { status } = object as {
          status?: { conditions?: readonly { type: string; status: string; message: string }[] }
        }
        const drifted = status?.conditions?.find(({ type }) => type === 'Drifted')
        if (object.metadata.name === 'watched') seen.push(`${drifted?.status} ${drifted?.message}`)
      })
      .catch(() => undefined)
    const stream = await streamOf('watched')
    if (stream === undefined) throw new Error('there is no stream')
    await fixture.streams.update({ ...stream.shape, maxAgeMs: 3_600_000 }, stream)
    await until(async () => (await streamOf('watched'))?.shape.maxAgeMs === 7 * 86_400_000, REPAIR_MS)
    await topics.until('watched', ({ status }) => status?.drift?.repairs === 1)
    await fixture.streams.delete('lb_acme_watched')
    await until(async () => (await streamOf('watched')) !== undefined, REPAIR_MS)
    await topics.until('watched', ({ status }) => status?.drift?.repairs === 2)
    ended.abort()
    await watching
    expect(seen).toContain('True max_age 1h -> 7d')
    expect(seen).toContain('True stream lb_acme_watched was deleted')
    expect(seen.at(-1)).toMatch(/^False/)
  })

  test('is told in an Event, too', () => untilTold('DriftRepaired', 'repaired what others changed'))
})

/** Its position is lost with it, so it is not made again. */
test("a group's consumer that is deleted is told and counted; what a reader leaves behind is not", async () => {
  await topics.create('grouped')
  await topics.untilCondition('grouped', 'Ready', 'True')
  const stream = 'lb_acme_grouped'
  const ask = async (subject: string, body: object) => {
    const answer = await fixture.session.request(`$JS.API.CONSUMER.${subject}`, JSON.stringify(body), 15_000)
    expect(JSON.parse(Buffer.from(answer).toString()).error).toBeUndefined()
  }
  const reader = new StreamReader({ session: fixture.session, stream, filters: [], start: 'all', onMessage: () => {} })
  await until(async () => (await streamOf('grouped'))?.consumers === 1)
  await reader.close()
  await until(async () => (await streamOf('grouped'))?.consumers === 0)
  const config = { name: 'billing', durable_name: 'billing', ack_policy: 'explicit' }
  await ask(`CREATE.${stream}.billing`, { stream_name: stream, config, action: 'create' })
  await ask(`DELETE.${stream}.billing`, {})
  await untilTold('GroupDeleted', 'the consumer of group billing was deleted, and its position with it')
  expect(await counted('landbridge_operator_groups_deleted_total')).toBe(1)
  expect((await topics.condition('grouped', 'Ready'))?.status).toBe('True')
})

test('nothing at all is written while nothing changes', async () => {
  await topics.create('still')
  await topics.untilCondition('still', 'Ready', 'True')
  // What other tests left is over: gateways that are not there, repairs.
  let writes = -1
  await until(async () => {
    const before = writes
    writes = await allWrites()
    await delay(2_000)
    return writes === before
  }, 60_000)
  await delay(15_000)
  expect(await allWrites()).toBe(writes)
}, 120_000)

async function allWrites(): Promise<number> {
  const counts = await Promise.all(
    ['topics', 'accesspolicies', 'regionpeers'].map((kind) => fixture.cluster.writes(kind)),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

async function untilTold(reason: string, note: string): Promise<void> {
  const events = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }
  await until(async () => {
    const { items } = await fixture.cluster.client.list<KubeObject & { reason?: string; note?: string }>(
      events,
      TENANT,
      {
        limit: 100,
      },
    )
    return items.some((event) => event.reason === reason && event.note?.startsWith(note))
  }, 10_000)
}

function driftCount(kind: string): Promise<number> {
  return counted(`landbridge_operator_drift_total{kind="${kind}"}`)
}

/** What the operator says of one of its series; 0 when there is none. */
async function counted(series: string): Promise<number> {
  const metrics = await (await fetch(`http://${fixture.operator.http}/metrics`)).text()
  const found = metrics.split('\n').find((line) => line.startsWith(`${series} `))
  return Number(found?.slice(series.length) ?? 0)
}
