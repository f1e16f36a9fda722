import { streamName } from '@landbridge/core'
import { KubeError } from '@landbridge/operator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TOPIC } from '../../operator/api/index.ts'
import { until } from './cluster.ts'
import {
  createTopic,
  getTopic,
  type OperatorFixture,
  patchTopic,
  startOperatorFixture,
  TENANT,
  untilCondition,
} from './operator.ts'

let fixture: OperatorFixture
const client = () => fixture.cluster.client
const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))

beforeAll(async () => {
  fixture = await startOperatorFixture()
}, 600_000)
afterAll(() => fixture[Symbol.asyncDispose]())

describe('a topic', () => {
  test('becomes a stream and configuration, and says so', async () => {
    await createTopic(client(), 'orders', { partitions: 3, retention: { age: '7d' } })
    const ready = await untilCondition(client(), 'orders', 'Ready', 'True')
    expect(ready.status).toMatchObject({ topic: 'acme/orders', stream: 'lb_acme_orders', regions: 'all' })
    expect(ready.metadata.finalizers).toContain('landbridge.dev/cleanup')
    expect((await streamOf('orders'))?.shape).toMatchObject({ maxAgeMs: 7 * 86_400_000, replicas: 1 })
  })

  test('follows its spec, and is refused what streams cannot do', async () => {
    await createTopic(client(), 'changes', { partitions: 3 })
    await untilCondition(client(), 'changes', 'Ready', 'True')
    await patchTopic(client(), 'changes', { spec: { retention: { age: '1d' }, partitions: 5 } })
    await untilCondition(client(), 'changes', 'Ready', 'True')
    expect((await streamOf('changes'))?.shape.maxAgeMs).toBe(86_400_000)
    for (const [spec, message] of REFUSED) {
      await expect(patchTopic(client(), 'changes', { spec })).rejects.toThrow(message)
    }
  })

  test('is refused at the door when it makes no sense', async () => {
    for (const [spec, message] of WRONG) {
      const created = createTopic(client(), 'wrong', spec)
      await expect(created).rejects.toBeInstanceOf(KubeError)
      await expect(created).rejects.toThrow(message)
    }
  })

  test('is repaired within 5 s when somebody changes or deletes its stream, and says that it was', async () => {
    await createTopic(client(), 'drifting', { retention: { age: '7d' } })
    await untilCondition(client(), 'drifting', 'Ready', 'True')
    const stream = await streamOf('drifting')
    if (stream === undefined) throw new Error('there is no stream')
    await fixture.streams.update({ ...stream.shape, maxAgeMs: 3_600_000 }, stream)
    await until(async () => (await streamOf('drifting'))?.shape.maxAgeMs === 7 * 86_400_000, 5_000)
    await fixture.streams.delete('lb_acme_drifting')
    await until(async () => (await streamOf('drifting')) !== undefined, 5_000)
    await until(async () => (await getTopic(client(), 'drifting'))?.status?.drift?.repairs === 2, 5_000)
    const after = await untilCondition(client(), 'drifting', 'Drifted', 'False')
    expect(after.status?.drift?.lastChanges).toMatch(/was deleted/)
  })

  test('that is deleted goes, and its stream stays or goes as the policy says', async () => {
    for (const deletionPolicy of ['Retain', 'Delete']) {
      const name = `gone-${deletionPolicy.toLowerCase()}`
      await createTopic(client(), name, { deletionPolicy })
      await untilCondition(client(), name, 'Ready', 'True')
      await client().delete(TOPIC.type, { namespace: TENANT, name })
      await until(async () => (await getTopic(client(), name)) === undefined, 10_000)
      expect((await streamOf(name)) === undefined).toBe(deletionPolicy === 'Delete')
    }
  })

  test('that is paused or unmanaged is left alone', async () => {
    await createTopic(client(), 'paused', {})
    await untilCondition(client(), 'paused', 'Ready', 'True')
    await patchTopic(client(), 'paused', { metadata: { annotations: { 'landbridge.dev/paused': 'true' } } })
    await untilCondition(client(), 'paused', 'Paused', 'True')
    await client().delete(TOPIC.type, { namespace: TENANT, name: 'paused' })
    await until(async () => (await getTopic(client(), 'paused'))?.metadata.deletionTimestamp !== undefined)
    expect(await streamOf('paused')).toBeDefined()
    await patchTopic(client(), 'paused', { metadata: { annotations: { 'landbridge.dev/paused': null } } })
    await until(async () => (await getTopic(client(), 'paused')) === undefined, 10_000)
  })
})

const REFUSED: readonly (readonly [object, RegExp])[] = [
  [{ partitions: 4 }, /partitions cannot shrink/],
  [{ storage: 'memory' }, /storage cannot change/],
  [{ duplicateWindow: '5m' }, /duplicateWindow cannot change/],
]

const WRONG: readonly (readonly [object, RegExp])[] = [
  [{ partitions: 0 }, /partitions/],
  [{ storage: 'tape' }, /storage/],
  [{ replicas: 2 }, /replicas is even/],
  [{ duplicateWindow: 'long' }, /duplicateWindow/],
  [{ durability: 'quorum', replication: { regions: ['eu-west'] } }, /wanted two or more/],
  [
    { replication: { regions: ['eu-west'], classifications: [{ classification: 'secret', regions: ['mars'] }] } },
    /classifications names a region/,
  ],
]
