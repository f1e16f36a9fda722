import { setTimeout as delay } from 'node:timers/promises'
import { streamName } from '@landbridge/core'
import { KubeClient, KubeError } from '@landbridge/operator'
import { describe, expect, test } from 'vitest'
import { makeNamespace, until } from '../../lab/kubernetes/index.ts'
import { figureOf, startOperatorFixture, TENANT } from './operator.ts'
import { Resources, resourcesOf } from './resources.ts'

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const WRITERS = 24
const WAVE_PAUSE_MIN_MS = 20

describe('an operator', () => {
  test('gets its writes through while somebody changes the resource all the time', async () => {
    await using fixture = await startOperatorFixture()
    const { topics } = resourcesOf(() => fixture.cluster.client)
    await topics.create('stormy')
    const ended = new AbortController()
    let patches = 0
    const storm = Array.from({ length: 4 }, async (_, writer) => {
      while (!ended.signal.aborted) {
        patches += 1
        await topics.patch('stormy', { metadata: { labels: { [`writer-${writer}`]: `${patches}` } } })
      }
    })
    try {
      await topics.untilCondition('stormy', 'Ready', 'True', 30_000)
      for (const age of ['1d', '2d', '3d']) {
        await topics.patch('stormy', { spec: { retention: { age } } })
        await topics.untilCondition('stormy', 'Ready', 'True', 30_000)
      }
    } finally {
      ended.abort()
      await Promise.allSettled(storm)
    }
    expect(patches).toBeGreaterThan(20)
    const stream = await fixture.streams.get(streamName({ tenant: TENANT, topic: 'stormy' }))
    expect(stream?.shape.maxAgeMs).toBe(3 * 86_400_000)
  }, 180_000)

  test('goes on when the API server throttles it', async () => {
    const flags = [
      '--enable-priority-and-fairness=false',
      '--max-mutating-requests-inflight=1',
      '--max-requests-inflight=4',
    ]
    await using fixture = await startOperatorFixture({ flags, user: true })
    const { topics } = resourcesOf(() => fixture.cluster.client)
    const crowd = KubeClient.fromEnvironment(fixture.cluster.userKubeconfig)
    const ended = new AbortController()
    let throttled = 0
    const write = async (name: string): Promise<void> => {
      const metadata = { name, namespace: TENANT }
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: 'x'.repeat(10_000) } }
      await crowd.create(CONFIG_MAPS, TENANT, body).catch((error: unknown) => {
        if (!(error instanceof KubeError && error.status === 429)) throw error
        expect(error.retryAfterMs).toBeGreaterThan(0)
        throttled += 1
      })
    }
    const waves = (async () => {
      for (let count = 0; !ended.signal.aborted; count++) {
        const start = performance.now()
        await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(`crowd-${writer}-${count}`)))
        // Nobody gets a turn among those who never wait: however slow the machine is, half of the time is free.
        await delay(Math.max(performance.now() - start, WAVE_PAUSE_MIN_MS))
      }
    })()
    try {
      await Promise.all(Array.from({ length: 10 }, (_, index) => topics.create(`crowded-${index}`)))
      for (let index = 0; index < 10; index++) await topics.untilCondition(`crowded-${index}`, 'Ready', 'True', 90_000)
    } finally {
      ended.abort()
      await waves
    }
    expect(throttled).toBeGreaterThan(0)
  }, 240_000)

  test('lists anew when the version that it watched from is gone (410)', async () => {
    // Without its cache the API server watches from etcd, which has no old versions after a compaction.
    await using fixture = await startOperatorFixture({ flags: ['--watch-cache=false'] })
    const { topics } = resourcesOf(() => fixture.cluster.client)
    const expired = () => figureOf(fixture.operator, 'landbridge_operator_lists_total{kind="Topic",reason="expired"}')
    await topics.create('first')
    await topics.untilCondition('first', 'Ready', 'True', 30_000)
    expect(await expired()).toBe(0)
    // A watch ends after half a minute, and the next one goes on from the last version that it saw.
    await until(async () => {
      await fixture.cluster.compact()
      await delay(2_000)
      return (await expired()) > 0
    }, 120_000)
    await topics.create('next')
    await topics.untilCondition('next', 'Ready', 'True', 30_000)
  }, 240_000)

  test('of one namespace leaves the others alone, and has the tenant that it is told', async () => {
    const env = { LANDBRIDGE_WATCH_NAMESPACE: TENANT, LANDBRIDGE_TENANT: 'shop' }
    await using fixture = await startOperatorFixture({ env })
    const { topics } = resourcesOf(() => fixture.cluster.client)
    await makeNamespace(fixture.cluster.client, 'other')
    await fixture.cluster.client.create(topics.type, 'other', {
      apiVersion: 'landbridge.dev/v1alpha1',
      kind: 'Topic',
      metadata: { name: 'foreign', namespace: 'other' },
      spec: {},
    })
    await topics.create('own')
    const { status } = await topics.untilCondition('own', 'Ready', 'True')
    expect(status).toMatchObject({ topic: 'shop/own', stream: 'lb_shop_own' })
    await delay(2_000)
    expect([...(await fixture.streams.list()).keys()]).toEqual(['lb_shop_own'])
    const foreign = await fixture.cluster.client.get(topics.type, { namespace: 'other', name: 'foreign' })
    expect(foreign?.metadata.finalizers).toBeUndefined()
  }, 120_000)

  test('leaves to an older resource what both ask for, also when another operator serves that', async () => {
    const env = { LANDBRIDGE_WATCH_NAMESPACE: TENANT, LANDBRIDGE_TENANT: 'shop' }
    await using fixture = await startOperatorFixture({ env })
    const { client } = fixture.cluster
    await makeNamespace(client, 'other')
    const second = await fixture.another({
      env: { ...env, LANDBRIDGE_WATCH_NAMESPACE: 'other', LANDBRIDGE_NAMESPACE: 'other' },
    })
    await until(async () => second.leading, 60_000)
    const { topics } = resourcesOf(() => client)
    const others = new Resources(() => client, topics.type, 'other')
    await topics.create('shared', { retention: { age: '1d' }, deletionPolicy: 'Delete' })
    await topics.untilCondition('shared', 'Ready', 'True')
    // Ages are told in seconds.
    await delay(1_100)
    await others.create('shared', { retention: { age: '2d' } })
    const claimed = await others.untilCondition('shared', 'Ready', { status: 'False', reason: 'ClaimedByOther' })
    const stalled = claimed.status?.conditions?.find(({ type }) => type === 'Stalled')
    expect(stalled?.message).toMatch(/^acme\/shared is older and has the same name in the region; when it is gone/)
    const before = await topics.get('shared')
    await delay(3_000)
    expect((await topics.get('shared'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
    expect((await others.get('shared'))?.metadata.resourceVersion).toBe(claimed.metadata.resourceVersion)
    expect((await fixture.streams.get('lb_shop_shared'))?.shape.maxAgeMs).toBe(86_400_000)
    await topics.delete('shared')
    await others.untilCondition('shared', 'Ready', 'True', 30_000)
    expect((await fixture.streams.get('lb_shop_shared'))?.shape.maxAgeMs).toBe(2 * 86_400_000)
    expect(await topics.get('shared')).toBeUndefined()
  }, 240_000)

  test('takes over a stream that is there when it matches, or when it is asked to', async () => {
    await using fixture = await startOperatorFixture()
    const { topics } = resourcesOf(() => fixture.cluster.client)
    await topics.create('adopted', { retention: { age: '1d' } })
    await topics.untilCondition('adopted', 'Ready', 'True')
    for (const age of ['1d', '2d']) {
      await topics.delete('adopted')
      await topics.untilGone('adopted')
      await topics.create('adopted', { retention: { age } })
      if (age === '1d') await topics.untilCondition('adopted', 'Ready', 'True')
    }
    const refused = await topics.untilCondition('adopted', 'Ready', { status: 'False', reason: 'AdoptionRefused' })
    expect(refused.status?.conditions?.[0]?.message).toMatch(/exists and differs: max_age/)
    await topics.annotate('adopted', 'adopt', 'true')
    await topics.untilCondition('adopted', 'Ready', 'True')
    const stream = await fixture.streams.get(streamName({ tenant: TENANT, topic: 'adopted' }))
    expect(stream?.shape.maxAgeMs).toBe(2 * 86_400_000)
  }, 120_000)
})
