import { setTimeout as sleep } from 'node:timers/promises'
import { type ServiceError, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { event, failureOf } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'
import { collect, TestSubscription } from './stream.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

/** A change of policy counts on open streams within so long. */
const CHANGE_MS = 2_000
const ORDER = { customer: { email: 'ann@example.com', name: 'Ann' }, cards: [{ number: '4111' }], total: 12.5 }

/** A topic of its own for a test, `alice` may use it. */
async function topicOf(name: string): Promise<string> {
  const topic = { kind: 'Topic', metadata: { namespace: 'acme', name }, spec: {} }
  await fixture.apply(JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', ...topic }))
  return `acme/${name}`
}

function policy(name: string, spec: { subject: string; topic: string; [field: string]: unknown }): Promise<void> {
  const { subject, topic, ...rest } = spec
  const document = {
    apiVersion: 'landbridge.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { namespace: 'acme', name },
    spec: { principals: [{ subject }], topics: [topic.slice('acme/'.length)], operations: ['subscribe'], ...rest },
  }
  return fixture.apply(JSON.stringify(document))
}

async function reader(subject: string, topic: string, more: { group?: string } = {}): Promise<TestSubscription> {
  const stream = (await fixture.client({ subject })).subscribe()
  return new TestSubscription(stream).start({ topic, from: 'earliest', ...more })
}

const order = (id: string, data: unknown = ORDER) =>
  event(id, { data: { case: 'textData', value: typeof data === 'string' ? data : JSON.stringify(data) } })

function dataOf({ deliveries }: TestSubscription, index: number): unknown {
  const data = deliveries[index]?.event?.data
  return data?.case === 'textData' ? JSON.parse(data.value) : data?.case
}

const retryAfterMs = (error: ServiceError | undefined) => Number(error?.metadata.get('retry-after-ms')[0])

const MASKED = { customer: { email: '[redacted]', name: 'Ann' }, cards: [{}], total: 12.5 }
const MASKS = [
  { path: 'data.customer.email', action: 'redact' },
  { path: 'data.cards[*].number', action: 'drop' },
]

describe('masks', () => {
  test('hide fields from those whom only policies with masks allow, readers and groups, and from nobody else', async () => {
    const topic = await topicOf('masked')
    await policy('masked', { subject: 'auditor', topic, masks: MASKS })
    await policy('masked-too', { subject: 'both', topic, masks: MASKS })
    await policy('masked-not', { subject: 'both', topic })
    const client = await fixture.client()
    await client.publish(topic, [order('one'), order('two', 'no JSON'), event('three', { data: { case: undefined } })])
    for (const more of [{}, { group: 'auditors' }]) {
      const masked = await reader('auditor', topic, more)
      await masked.delivered(3)
      expect(masked.ids).toEqual(['one', 'two', 'three'])
      expect([0, 1, 2].map((index) => dataOf(masked, index))).toEqual([MASKED, undefined, undefined])
      expect(masked.deliveries[0]?.event?.attributes.authid?.attr).toEqual({ case: 'ceString', value: 'alice' })
    }
    for (const subject of ['alice', 'both']) {
      const all = await reader(subject, topic)
      await all.delivered(3)
      expect(dataOf(all, 0)).toEqual(ORDER)
    }
  })

  test('follow their policies on a stream that is open, and a right that is gone ends it', async () => {
    const topic = await topicOf('changing')
    await policy('changing', { subject: 'watcher', topic, masks: MASKS })
    const client = await fixture.client()
    const watcher = await reader('watcher', topic)
    const seen = async (id: string) => {
      const count = watcher.deliveries.length
      await client.publish(topic, [order(id)])
      await watcher.delivered(count + 1)
      return dataOf(watcher, count)
    }
    expect(await seen('a')).toEqual(MASKED)
    await policy('changing', { subject: 'watcher', topic, masks: [{ path: 'data', action: 'drop' }] })
    await sleep(CHANGE_MS)
    expect(await seen('b')).toBeUndefined()
    await policy('changing', { subject: 'watcher', topic })
    await sleep(CHANGE_MS)
    expect(await seen('c')).toEqual(ORDER)
    const changedAt = performance.now()
    await policy('changing', { subject: 'somebody-else', topic })
    expect((await watcher.received.ended())?.code).toBe(status.PERMISSION_DENIED)
    expect(performance.now() - changedAt).toBeLessThan(CHANGE_MS)
  })
})

describe('quotas', () => {
  test('refuse a call that is too much, with the time to wait, and take it after that; others go on', async () => {
    const topic = await topicOf('limited')
    const quotas = { eventsPerSecond: 10 }
    for (const subject of ['bob', 'carol']) {
      await policy(`limited-${subject}`, { subject, topic, operations: ['publish'], quotas })
    }
    const bob = await fixture.client({ subject: 'bob' })
    const batch = (prefix: string) => Array.from({ length: 50 }, (_, index) => event(`${prefix}-${index}`))
    await bob.publish(topic, batch('first'))
    const refused = await failureOf(bob.publish(topic, [event('too-much')]))
    expect(refused.code).toBe(status.RESOURCE_EXHAUSTED)
    expect(refused.details).toMatch(/quota: publish is at its limit of 10 events\/s, wanted a wait of \d+ ms/)
    expect(retryAfterMs(refused)).toBeGreaterThan(0)
    expect(retryAfterMs(refused)).toBeLessThanOrEqual(4_000)
    // A new token is the same principal.
    const again = await fixture.client({ subject: 'bob' })
    expect((await failureOf(again.publish(topic, [event('too-much')]))).code).toBe(status.RESOURCE_EXHAUSTED)
    await (await fixture.client({ subject: 'carol' })).publish(topic, [event('carols')])
    await (await fixture.client({ subject: 'alice' })).publish(topic, batch('alices'))
    await sleep(retryAfterMs(refused))
    await bob.publish(topic, [event('later')])
  })

  test('count bytes, too', async () => {
    const topic = await topicOf('heavy')
    await policy('heavy', { subject: 'bob', topic, operations: ['publish'], quotas: { bytesPerSecond: '10KiB' } })
    const bob = await fixture.client({ subject: 'bob' })
    await bob.publish(topic, [order('large', 'x'.repeat(20_000))])
    const refused = await failureOf(bob.publish(topic, [event('small')]))
    expect(refused.details).toContain('10KiB/s')
    expect(retryAfterMs(refused)).toBeGreaterThan(500)
  })

  test('slow a publish stream down without failing anything', async () => {
    const topic = await topicOf('streamed')
    await policy('streamed', { subject: 'bob', topic, operations: ['publish'], quotas: { eventsPerSecond: 200 } })
    const stream = (await fixture.client({ subject: 'bob' })).publishStream()
    const acks = collect(stream)
    const begunAt = performance.now()
    for (let batchId = 1; batchId <= 50; batchId++) {
      const events = Array.from({ length: 10 }, (_, index) => event(`b${batchId}-${index}`))
      stream.write({ $typeName: 'landbridge.v1.PublishStreamRequest', topic, events, batchId: BigInt(batchId) })
    }
    stream.end()
    await acks.until((messages) => messages.length === 50)
    const tookMs = performance.now() - begunAt
    expect(acks.messages.flatMap(({ failures }) => failures)).toEqual([])
    // 500 events, a second's worth at once: the rest takes a second and a half, but for the last batch.
    expect(tookMs).toBeGreaterThan(1_400)
    expect(await acks.ended()).toBeUndefined()
  })

  test('end a publish stream that would have to wait for too long, with the time to wait', async () => {
    const topic = await topicOf('flooded')
    await policy('flooded', { subject: 'bob', topic, operations: ['publish'], quotas: { eventsPerSecond: 10 } })
    const stream = (await fixture.client({ subject: 'bob' })).publishStream()
    const acks = collect(stream)
    for (let batchId = 1; batchId <= 2; batchId++) {
      const events = Array.from({ length: 50 }, (_, index) => event(`b${batchId}-${index}`))
      stream.write({ $typeName: 'landbridge.v1.PublishStreamRequest', topic, events, batchId: BigInt(batchId) })
    }
    const error = await acks.ended()
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED)
    expect(retryAfterMs(error)).toBeGreaterThan(2_000)
    const failures = new Map(acks.messages.map((ack) => [ack.batchId, ack.failures.length]))
    expect([failures.get(1n), failures.get(2n)]).toEqual([0, 50])
  })

  test.each([undefined, 'workers'])(
    'slow delivery down, and lose and repeat nothing by it (group %s)',
    async (group) => {
      const topic = await topicOf(`delivered-${group ?? 'reader'}`)
      const name = `delivered-${group ?? 'reader'}`
      await policy(name, { subject: 'dora', topic, quotas: { eventsPerSecond: 50 } })
      await (await fixture.client()).publish(
        topic,
        Array.from({ length: 200 }, (_, index) => event(`e${index}`)),
      )
      const begunAt = performance.now()
      const dora = await reader('dora', topic, group === undefined ? {} : { group })
      await dora.delivered(125)
      // 50 at once.
      expect(performance.now() - begunAt).toBeGreaterThan(1_400)
      expect(dora.deliveries.length).toBeLessThan(200)
      await policy(name, { subject: 'dora', topic })
      const changedAt = performance.now()
      await dora.delivered(200)
      expect(performance.now() - changedAt).toBeLessThan(CHANGE_MS)
      expect(dora.ids).toEqual(Array.from({ length: 200 }, (_, index) => `e${index}`))
      expect(new Set(dora.deliveries.map(({ attempt }) => attempt))).toEqual(new Set([1]))
    },
  )

  test('of bytes below the size of an event let events through one by one', async () => {
    const topic = await topicOf('narrow')
    await policy('narrow', { subject: 'dora', topic, quotas: { bytesPerSecond: '2KiB' } })
    await (await fixture.client()).publish(topic, [order('a', 'x'.repeat(3_000)), order('b', 'x'.repeat(3_000))])
    for (const more of [{}, { group: 'workers' }]) {
      const dora = await reader('dora', topic, more)
      await dora.delivered(2)
      expect(dora.ids).toEqual(['a', 'b'])
    }
  })
})
