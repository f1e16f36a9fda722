import { streamName } from '@landbridge/core'
import { until } from '@landbridge/lab/kubernetes'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OperatorFixture, startOperatorFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

let fixture: OperatorFixture
const { topics } = resourcesOf(() => fixture.cluster.client)
const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))

beforeAll(async () => {
  fixture = await startOperatorFixture()
}, 600_000)
afterAll(() => fixture[Symbol.asyncDispose]())

describe('a topic', () => {
  test('becomes a stream and configuration, and says so', async () => {
    await topics.create('orders', { partitions: 3, retention: { age: '7d' } })
    const ready = await topics.untilCondition('orders', 'Ready', 'True')
    expect(ready.status).toMatchObject({ topic: 'acme/orders', stream: 'lb_acme_orders', regions: 'all' })
    expect(ready.metadata.finalizers).toContain('landbridge.dev/cleanup')
    expect((await streamOf('orders'))?.shape).toMatchObject({ maxAgeMs: 7 * 86_400_000, replicas: 1 })
  })

  test('follows its spec', async () => {
    await topics.create('changes', { partitions: 3 })
    await topics.untilCondition('changes', 'Ready', 'True')
    await topics.patch('changes', { spec: { retention: { age: '1d' }, partitions: 5 } })
    await topics.untilCondition('changes', 'Ready', 'True')
    expect((await streamOf('changes'))?.shape.maxAgeMs).toBe(86_400_000)
  })

  test('that is deleted goes, and its stream stays or goes as the policy says', async () => {
    for (const deletionPolicy of ['Retain', 'Delete']) {
      const name = `gone-${deletionPolicy.toLowerCase()}`
      await topics.create(name, { deletionPolicy })
      await topics.untilCondition(name, 'Ready', 'True')
      await topics.delete(name)
      await until(async () => (await topics.get(name)) === undefined, 10_000)
      expect((await streamOf(name)) === undefined).toBe(deletionPolicy === 'Delete')
    }
  })

  test('that is paused or unmanaged is left alone', async () => {
    await topics.create('paused', {})
    await topics.untilCondition('paused', 'Ready', 'True')
    await topics.patch('paused', { metadata: { annotations: { 'landbridge.dev/paused': 'true' } } })
    await topics.untilCondition('paused', 'Paused', 'True')
    await topics.delete('paused')
    await until(async () => (await topics.get('paused'))?.metadata.deletionTimestamp !== undefined)
    expect(await streamOf('paused')).toBeDefined()
    await topics.patch('paused', { metadata: { annotations: { 'landbridge.dev/paused': null } } })
    await until(async () => (await topics.get('paused')) === undefined, 10_000)
  })
})
