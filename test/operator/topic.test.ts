import { setTimeout as delay } from 'node:timers/promises'
import { STREAM_METADATA, streamName } from '@landbridge/core'
import { until } from '@landbridge/lab/kubernetes'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Collector, type SentSpan, startCollector } from '../collector.ts'
import { type OperatorFixture, startOperatorFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

/** What is not repaired in this time is left alone. */
const REPAIR_MS = 5_000

let collector: Collector
let fixture: OperatorFixture
const { topics } = resourcesOf(() => fixture.cluster.client)
const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))

beforeAll(async () => {
  collector = await startCollector()
  fixture = await startOperatorFixture({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
}, 600_000)
afterAll(async () => {
  await fixture[Symbol.asyncDispose]()
  await collector[Symbol.asyncDispose]()
})

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

/** The last test: it ends the operator, which sends what spans are left. */
test('a reconciliation leaves a trace with its parts, and says why it failed', async () => {
  await topics.create('traced')
  await topics.untilCondition('traced', 'Ready', 'True')
  await topics.create('too-many', { replicas: 3 })
  await topics.untilCondition('too-many', 'Ready', 'False')
  await fixture.operator.close()

  const spans = collector.spans()
  const of = (topic: string, result: string) => {
    const isIt = ({ name, attributes }: SentSpan) =>
      name === 'reconcile Topic' &&
      attributes['landbridge.resource.name'] === topic &&
      attributes['landbridge.result'] === result
    const root = spans.find(isIt)
    const parts = spans.filter(({ parentId, traceId }) => parentId === root?.spanId && traceId === root.traceId)
    return { root, parts: parts.map(({ name }) => name) }
  }
  const made = of('traced', 'changed')
  expect(made.root).toMatchObject({ parentId: '', error: undefined })
  expect(made.root?.attributes).toEqual({
    'landbridge.resource.kind': 'Topic',
    'landbridge.resource.name': 'traced',
    'landbridge.resource.generation': 1,
    'k8s.namespace.name': TENANT,
    'landbridge.result': 'changed',
  })
  expect(made.parts.slice(0, 3)).toEqual(['observe', 'plan', 'apply'])
  const refused = of('too-many', 'failed')
  expect(refused.root?.error).toMatch(/replicas/)
  expect(refused.parts).toEqual(['observe', 'plan', 'apply', 'report'])
  expect(collector.received().includes('landbridge-operator')).toBe(true)
})
