import {
  appendAttributes,
  type ClassificationRule,
  encodeStringAttribute,
  HybridClock,
  MeshError,
  type Principal,
} from '@landbridge/core'
import type { NatsSession, StoreRequest, StoreResult } from '@landbridge/nats'
import { CloudEventSchema, messageCodec } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { MarkedViews } from '../marked-views.ts'
import { Metrics, silentLog } from '../telemetry/index.ts'
import type { TopicEntry } from '../topics.ts'
import { CopyFinder } from './copies.ts'
import { EventStore, type StoreAttempt } from './event-store.ts'

const sentMs = 1_790_000_000_000
const session = { connected: true, maxPayloadBytes: 1_000_000, onChange: () => () => {} } as unknown as NatsSession
const event = messageCodec(CloudEventSchema).serialize({
  $typeName: 'io.cloudevents.v1.CloudEvent',
  id: '1',
  source: '/test',
  specVersion: '1.0',
  type: 'test',
  attributes: {},
  data: { case: undefined },
})

/** A store whose clock stands `travelMs` behind the sending, and what its writer gets. */
function makeStore(travelMs: number, classifications: readonly ClassificationRule[] = []) {
  const written: StoreRequest[] = []
  const topic = {
    key: 'acme/orders',
    document: {
      name: { tenant: 'acme', topic: 'orders' },
      spec: {
        partitions: 1,
        maxEventBytes: 1_000,
        duplicateWindowMs: 30_000,
        egress: { filter: undefined, masks: [], classifications },
      },
    },
    writer: {
      store: async (requests: readonly StoreRequest[]) => {
        written.push(...requests)
        return requests.map(() => ({ kind: 'stored' as const, sequence: 1 }))
      },
    },
  } as unknown as TopicEntry
  const now = () => sentMs + travelMs
  const metrics = new Metrics()
  const log = silentLog()
  const options = { region: 'us-east', session, now, log, views: new MarkedViews(session, log) }
  const time = { now, inDoubt: false }
  const store = new EventStore({ ...options, clock: new HybridClock(now), time, metrics, tracing: undefined })
  const principal: Principal = { subject: 'alice' } as Principal
  const attempt: StoreAttempt = { topic, events: [event], principal, retry: undefined, sentMs }
  return { store, time, attempt, written, metrics, copies: new CopyFinder(options) }
}

// A gateway was stopped for 40 s with an attempt in its receive buffer. The client gave up and had the event stored by
// another region; the servers forgot its id. When the gateway went on, it stored the event again, unmarked.
test.each([10_001, 40_000, 3_600_000, -5_001])('an attempt is not stored %i ms after it was sent', async (travelMs) => {
  const { store, attempt, written, metrics } = makeStore(travelMs)
  const late = { code: 'unavailable', ambiguous: false, retryAfterMs: expect.any(Number) }
  await expect(store.store(attempt)).rejects.toMatchObject(late)
  const retry = { ageMs: 60_000, region: 'eu-west', elsewhere: false }
  await expect(store.store({ ...attempt, retry })).rejects.toMatchObject(late)
  expect(written).toEqual([])
  expect(await metrics.registry.getSingleMetricAsString('landbridge_refusals_total')).toContain('{reason="late"} 2')
  expect(await store.store({ ...attempt, sentMs: undefined })).toHaveLength(1)
  expect(written).toHaveLength(1)
})

test('nothing is stored while the time is in doubt', async () => {
  const { store, time, attempt, written } = makeStore(0)
  time.inDoubt = true
  await expect(store.store(attempt)).rejects.toMatchObject({ code: 'unavailable', ambiguous: false })
  expect(written).toEqual([])
  time.inDoubt = false
  expect(await store.store(attempt)).toHaveLength(1)
})

test.each([0, 10_000, -5_000])('an attempt is stored %i ms after it was sent', async (travelMs) => {
  const { store, attempt, written } = makeStore(travelMs)
  expect(await store.store(attempt)).toEqual([{ kind: 'stored', sequence: 1 }])
  expect(written).toHaveLength(1)
})

test('the time on the way counts when it is decided whether a retry is marked, and from when', () => {
  const retry = { ageMs: 5_000, region: 'us-east', elsewhere: false }
  const markAfter = (travelMs: number) => {
    const { attempt, copies } = makeStore(travelMs)
    return copies.markOf({ ...attempt, retry })
  }
  expect(markAfter(4_000)).toBeUndefined()
  expect(markAfter(6_000)?.sinceMs).toBe(sentMs - 5_000 - 5_000)
})

test('an event whose classification this region may not hold is refused, and those beside it are stored', async () => {
  const { store, attempt, written } = makeStore(0, [{ classification: 'pii', regions: ['eu-west'] }])
  const classified = (value: string) => appendAttributes(event, encodeStringAttribute('dataclassification', value))
  const results = await store.store({ ...attempt, events: [classified('pii'), event, classified('other')] })
  expect(results).toMatchObject([
    {
      kind: 'failed',
      error: { code: 'failed_precondition', ambiguous: false, message: expect.stringMatching(/"pii"/) },
    },
    { kind: 'stored' },
    { kind: 'failed', error: { code: 'failed_precondition', message: expect.stringMatching(/has a rule for/) } },
  ])
  expect(written).toHaveLength(1)
})

test('an answer that the store owes is forgotten with its topic, and when it fails', async () => {
  const { store, attempt } = makeStore(0)
  const { key } = attempt.topic
  const first = Promise.withResolvers<readonly StoreResult[]>()
  const second = Promise.withResolvers<readonly StoreResult[]>()
  const answers = [first.promise, second.promise]
  const writer = { store: () => answers.shift() }
  const topic = { ...attempt.topic, writer } as unknown as TopicEntry
  const storing = store.store({ ...attempt, topic })
  expect(store.state(key).silentSinceMs).toBeTypeOf('number')
  store.forget(key)
  expect(store.state(key).silentSinceMs).toBeUndefined()
  // Another topic of that name: what the old one is still owed says nothing of it.
  const failing = store.store({ ...attempt, topic })
  first.resolve([{ kind: 'stored', sequence: 1 }])
  await storing
  expect(store.state(key).silentSinceMs).toBeTypeOf('number')
  second.reject(new MeshError('unavailable', 'store: the topic has just changed'))
  await expect(failing).rejects.toMatchObject({ code: 'unavailable' })
  expect(store.state(key).silentSinceMs).toBeUndefined()
})
