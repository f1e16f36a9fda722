import { setTimeout as delay } from 'node:timers/promises'
import { STREAM_METADATA, streamName } from '@landbridge/core'
import { until } from '@landbridge/lab/kubernetes'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OperatorFixture, startOperatorFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

/** What is not repaired in this time is left alone. */
const REPAIR_MS = 5_000

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

  test('that is paused is neither repaired nor deleted before it goes on', async () => {
    await topics.create('paused', { deletionPolicy: 'Delete', retention: { age: '7d' } })
    await topics.untilCondition('paused', 'Ready', 'True')
    await topics.annotate('paused', 'paused', 'true')
    await topics.untilCondition('paused', 'Paused', 'True')
    const stream = await streamOf('paused')
    if (stream === undefined) throw new Error('there is no stream')
    await fixture.streams.update({ ...stream.shape, maxAgeMs: 3_600_000 }, stream)
    await delay(REPAIR_MS)
    expect((await streamOf('paused'))?.shape.maxAgeMs).toBe(3_600_000)
    expect((await topics.condition('paused', 'Drifted'))?.status).toBe('False')
    await topics.delete('paused')
    await delay(REPAIR_MS)
    expect((await topics.get('paused'))?.metadata.deletionTimestamp).toBeDefined()
    expect((await topics.get('paused'))?.metadata.finalizers).toContain('landbridge.dev/cleanup')
    expect(await streamOf('paused')).toBeDefined()
    await topics.annotate('paused', 'paused', null)
    await topics.untilGone('paused', 10_000)
    expect(await streamOf('paused')).toBeUndefined()
  }, 60_000)

  test('says what is wrong with it where the API server cannot tell, and is deleted all the same', async () => {
    await topics.create('broken', { deletionPolicy: 'Delete' })
    await topics.untilCondition('broken', 'Ready', 'True')
    // The API server takes durations as text.
    await topics.patch('broken', { spec: { retention: { age: '1m' } } })
    const invalid = await topics.untilCondition('broken', 'Ready', { status: 'False', reason: 'Invalid' })
    expect(invalid.status?.conditions?.find(({ type }) => type === 'Stalled')?.message).toMatch(
      /duplicateWindow: is 2m, wanted at most retention\.age, 1m/,
    )
    expect((await streamOf('broken'))?.shape.maxAgeMs).toBeUndefined()
    await topics.delete('broken')
    await topics.untilGone('broken')
    expect(await streamOf('broken')).toBeUndefined()
  })

  test('whose stream others gave more partitions says that it cannot have fewer', async () => {
    await topics.create('grown', { partitions: 3 })
    await topics.untilCondition('grown', 'Ready', 'True')
    const stream = await streamOf('grown')
    if (stream === undefined) throw new Error('there is no stream')
    const metadata = { ...stream.shape.metadata, [STREAM_METADATA.partitions]: '8' }
    await fixture.streams.update({ ...stream.shape, metadata }, stream)
    const refused = await topics.untilCondition('grown', 'Ready', { status: 'False', reason: 'ChangeRefused' })
    const stalled = refused.status?.conditions?.find(({ type }) => type === 'Stalled')
    expect(stalled?.message).toBe('stream lb_acme_grown: partitions is 8, wanted as many or more')
    await topics.patch('grown', { spec: { partitions: 8 } })
    await topics.untilCondition('grown', 'Ready', 'True')
  })
})
