import { status } from '@grpc/grpc-js'
import { NatsSession } from '@landbridge/nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { event } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'
import { TestSubscription } from './stream.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

/** A topic of its own for a test, so that tests do not see each other's events. */
async function topicOf(name: string): Promise<string> {
  await fixture.apply(
    `{ apiVersion: landbridge.dev/v1alpha1, kind: Topic, metadata: { namespace: acme, name: ${name} }, spec: { partitions: 4 } }`,
  )
  return `acme/${name}`
}

async function subscription(): Promise<TestSubscription> {
  return new TestSubscription((await fixture.client()).subscribe())
}

function batch(prefix: string, count: number) {
  return Array.from({ length: count }, (_, index) => event(`${prefix}-${index}`))
}

const range = (prefix: string, count: number) => batch(prefix, count).map(({ id }) => id)

test('a reader gets what is stored after its subscription stands, with what the mesh set', async () => {
  const topic = await topicOf('fresh')
  const client = await fixture.client()
  await client.publish(topic, [event('before')])
  const reader = await (await subscription()).start({ topic, messages: 1 })
  await client.publish(topic, [event('after')])
  const [delivery] = await reader.delivered(1)
  expect(delivery?.event?.id).toBe('after')
  expect(delivery?.attempt).toBe(1)
  const attributes = delivery?.event?.attributes ?? {}
  expect(attributes.lborigin?.attr).toEqual({ case: 'ceString', value: 'us-east' })
  expect(attributes.authid?.attr).toEqual({ case: 'ceString', value: 'alice' })
  expect(Object.keys(attributes).sort()).toEqual(['authid', 'authtype', 'lborigin', 'lbtime', 'recordedtime'])
  reader.stream.end()
  expect((await reader.received.ended())?.code).toBeUndefined()
})

test('a reader starts at the earliest event, or at a sequence', async () => {
  const topic = await topicOf('positions')
  const client = await fixture.client()
  await client.publish(topic, batch('p', 5))
  const all = await (await subscription()).start({ topic, from: 'earliest' })
  await all.delivered(5)
  expect(all.ids).toEqual(range('p', 5))
  const sequence = all.deliveries[3]?.sequence ?? 0n
  const rest = await (await subscription()).start({ topic, from: { sequence } })
  await rest.delivered(2)
  expect(rest.ids).toEqual(['p-3', 'p-4'])
})

test('nothing is delivered without credit, in messages and in bytes', async () => {
  const topic = await topicOf('credits')
  const client = await fixture.client()
  await client.publish(topic, batch('c', 20))
  const reader = await (await subscription()).start({ topic, from: 'earliest', messages: 3 })
  await reader.delivered(3)
  reader.credit(4)
  await reader.delivered(7)
  reader.credit(2)
  await reader.delivered(9)
  expect(reader.ids).toEqual(range('c', 9))

  const size = 200n
  const byBytes = await (await subscription()).start({ topic, from: 'earliest', messages: 100, bytes: size })
  await byBytes.delivered(1)
  const before = byBytes.deliveries.length
  byBytes.credit(0, size)
  await byBytes.delivered(before + 1)
  expect(byBytes.deliveries.length).toBeLessThan(5)
})

test('members of a group share its events, and acks are confirmed', async () => {
  const topic = await topicOf('shared')
  const client = await fixture.client()
  const first = await (await subscription()).start({ topic, group: 'workers', from: 'earliest', messages: 20 })
  const second = await (await subscription()).start({ topic, group: 'workers', from: 'earliest', messages: 20 })
  await client.publish(topic, batch('g', 40))
  await Promise.all([first.delivered(20), second.delivered(20)])
  expect([...first.ids, ...second.ids].sort()).toEqual(range('g', 40).sort())
  for (const member of [first, second]) {
    const ids = member.deliveries.map((delivery) => delivery.deliveryId)
    member.ack(...ids)
    await member.received.until(() => member.settled.settled.length === 20)
    member.ack(...ids.slice(0, 2))
    await member.received.until(() => member.settled.unknown.length === 2)
    member.stream.end()
    await member.received.ended()
  }
  const later = await (await subscription()).start({ topic, group: 'workers' })
  await client.publish(topic, [event('g-last')])
  await later.delivered(1)
  expect(later.ids).toEqual(['g-last'])
})

test('unsettled events go to another member at once when a stream ends, however it ends', async () => {
  const topic = await topicOf('returned')
  const client = await fixture.client()
  await client.publish(topic, batch('r', 6))
  for (const leave of ['cancel', 'end'] as const) {
    const member = await (await subscription()).start({ topic, group: 'returns', from: 'earliest', messages: 6 })
    await member.delivered(6)
    // Its ack wait is 30 s: only a return brings them to the next member within the wait of this test.
    if (leave === 'cancel') member.stream.cancel()
    else member.stream.end()
    await member.received.ended()
  }
  const next = await (await subscription()).start({ topic, group: 'returns', messages: 6 })
  const deliveries = await next.delivered(6)
  expect(next.ids.sort()).toEqual(range('r', 6))
  expect(deliveries.every((delivery) => delivery.attempt >= 2)).toBe(true)
})

test('nack delivers again, reject does not, extend keeps, ack wait brings back', async () => {
  const topic = await topicOf('settlements')
  const client = await fixture.client()
  await client.publish(topic, batch('s', 3))
  const member = await (await subscription()).start({ topic, group: 'one', from: 'earliest', ackWaitSeconds: 1n })
  const [a, b, c] = await member.delivered(3)
  member.nack(a?.deliveryId ?? 0n)
  member.reject(b?.deliveryId ?? 0n)
  await member.delivered(4)
  expect(member.ids[3]).toBe('s-0')
  expect(member.deliveries[3]?.attempt).toBe(2)
  // Not settled: it comes again after the second of its ack wait, and its first delivery id is worth nothing then.
  await member.received.until(() => member.ids.filter((id) => id === 's-2').length === 2)
  member.ack(c?.deliveryId ?? 0n)
  await member.received.until(() => member.settled.unknown.includes(c?.deliveryId ?? 0n))
  expect(member.ids).not.toContainEqual(undefined)
  expect(member.ids.filter((id) => id === 's-1')).toHaveLength(1)
})

test.each([
  ['no start', (sub: TestSubscription) => sub.credit(1), status.INVALID_ARGUMENT, /start/],
  [
    'a first credit of nothing',
    (sub: TestSubscription) => void sub.start({ messages: 0 }).catch(() => {}),
    status.INVALID_ARGUMENT,
    /credit.*at least 1/,
  ],
  [
    'too much credit',
    (sub: TestSubscription) => void sub.start({ messages: 100_001 }).catch(() => {}),
    status.INVALID_ARGUMENT,
    /100000/,
  ],
  [
    'too many bytes',
    (sub: TestSubscription) => void sub.start({ bytes: 1n << 40n }).catch(() => {}),
    status.INVALID_ARGUMENT,
    /bytes/,
  ],
  [
    'a malformed group',
    (sub: TestSubscription) => void sub.start({ group: 'a.b' }).catch(() => {}),
    status.INVALID_ARGUMENT,
    /group/,
  ],
  [
    'an ack wait out of range',
    (sub: TestSubscription) => void sub.start({ group: 'g', ackWaitSeconds: 0n }).catch(() => {}),
    status.INVALID_ARGUMENT,
    /ack_wait/,
  ],
  [
    'an unknown topic',
    (sub: TestSubscription) => void sub.start({ topic: 'acme/unknown' }).catch(() => {}),
    status.NOT_FOUND,
    /acme\/unknown/,
  ],
  [
    "another tenant's topic",
    (sub: TestSubscription) => void sub.start({ topic: 'globex/secrets' }).catch(() => {}),
    status.PERMISSION_DENIED,
    /globex/,
  ],
])('refuses %s, and ends that stream only', async (_name, act, code, text) => {
  const client = await fixture.client()
  const good = await new TestSubscription(client.subscribe()).start({})
  const bad = new TestSubscription(client.subscribe())
  act(bad)
  const error = await bad.received.ended()
  expect(error?.code).toBe(code)
  expect(error?.details).toMatch(text)
  await client.publish('acme/orders', [event(`still-${Math.random()}`)])
  await good.delivered(1)
})

test("a member that wants another ack_wait than its group's is refused; one that does not say gets the group's", async () => {
  const topic = await topicOf('fixed')
  const first = await (await subscription()).start({ topic, group: 'fixed', from: 'earliest', ackWaitSeconds: 2n })
  await (await fixture.client()).publish(topic, [event('e')])
  await first.delivered(1)
  const other = await subscription()
  await other.start({ topic, group: 'fixed', ackWaitSeconds: 3n }).catch(() => undefined)
  const error = await other.received.ended()
  expect(error?.code).toBe(status.FAILED_PRECONDITION)
  expect(error?.details).toContain('2000 ms')
  await (await subscription()).start({ topic, group: 'fixed' })
  await (await subscription()).start({ topic, group: 'fixed', ackWaitSeconds: 2n })
})

/** Asks the region's JetStream itself, as somebody who changes what is the mesh's. */
async function ask(
  subject: string,
  body: object = {},
): Promise<{ readonly config: Readonly<Record<string, unknown>> }> {
  await using session = await NatsSession.connect({ servers: fixture.nats.urls, name: 'somebody else' })
  const answer = await session.connection.request(`$JS.API.${subject}`, JSON.stringify(body))
  const parsed: { error?: object; config: Record<string, unknown> } = JSON.parse(answer.string())
  expect(parsed.error).toBeUndefined()
  return parsed
}

test("what somebody changed of a group's consumer is put back when a member comes", async () => {
  const topic = await topicOf('edited')
  const client = await fixture.client()
  const first = await (await subscription()).start({ topic, group: 'workers' })
  const path = 'lb_acme_edited.workers'
  const { config } = await ask(`CONSUMER.INFO.${path}`)
  const edited = { filter_subject: 'lb.acme.edited.none', headers_only: true, max_ack_pending: 1, max_deliver: 1 }
  await ask(`CONSUMER.CREATE.${path}`, {
    stream_name: 'lb_acme_edited',
    config: { ...config, ...edited, inactive_threshold: 60e9 },
    action: 'update',
  })
  expect((await ask(`CONSUMER.INFO.${path}`)).config).toMatchObject(edited)

  const second = await (await subscription()).start({ topic, group: 'workers' })
  // A subscription stands before its member has asked the server.
  await expect.poll(async () => (await ask(`CONSUMER.INFO.${path}`)).config, { timeout: 15_000 }).toEqual(config)
  await client.publish(topic, batch('e', 20))
  await expect.poll(() => first.ids.length + second.ids.length, { timeout: 15_000 }).toBe(20)
  expect([...first.ids, ...second.ids].sort()).toEqual(range('e', 20).sort())
})

test('members of a group whose consumer was deleted are told, and it begins anew where the next one says', async () => {
  const topic = await topicOf('deleted')
  const client = await fixture.client()
  const member = await (await subscription()).start({ topic, group: 'workers', from: 'earliest' })
  await client.publish(topic, [event('before')])
  await member.delivered(1)
  member.ack(...member.deliveries.map(({ deliveryId }) => deliveryId))
  await member.received.until(() => member.settled.settled.length === 1)

  await ask('CONSUMER.DELETE.lb_acme_deleted.workers')
  expect((await member.received.ended())?.code).toBe(status.OUT_OF_RANGE)
  await client.publish(topic, [event('between')])
  const latest = await (await subscription()).start({ topic, group: 'workers', from: 'latest' })
  await client.publish(topic, [event('after')])
  await latest.delivered(1)
  expect(latest.ids).toEqual(['after'])
  await ask('CONSUMER.DELETE.lb_acme_deleted.workers')
  expect((await latest.received.ended())?.code).toBe(status.OUT_OF_RANGE)
  const all = await (await subscription()).start({ topic, group: 'workers', from: 'earliest' })
  await all.delivered(3)
  expect(all.ids).toEqual(['before', 'between', 'after'])
})

test('a second start, and credit beyond the bound later, end the stream', async () => {
  const twice = await (await subscription()).start({})
  void twice.start({})
  expect((await twice.received.ended())?.details).toMatch(/second start/)
  const greedy = await (await subscription()).start({ messages: 99_999 })
  greedy.credit(2)
  expect((await greedy.received.ended())?.code).toBe(status.INVALID_ARGUMENT)
})

test('a member without credit keeps nothing from the others', async () => {
  // A member used to ask ahead of its credit: what it then held came to nobody before the ack wait had passed.
  const topic = await topicOf('no-hoarding')
  const client = await fixture.client()
  const small = await (await subscription()).start({ topic, group: 'pair', from: 'earliest', messages: 3 })
  const bytes = await (await subscription()).start({ topic, group: 'pair', from: 'earliest', messages: 50, bytes: 1n })
  await client.publish(topic, batch('h', 100))
  await Promise.all([small.delivered(3), bytes.delivered(1)])
  const large = await (await subscription()).start({ topic, group: 'pair', messages: 1000 })
  await large.delivered(96)
  expect([...small.ids, ...bytes.ids, ...large.ids].sort()).toEqual(range('h', 100).sort())
  // Credit brings a member back into play.
  small.credit(2)
  large.stream.cancel()
  await small.delivered(5)
})

test('a member that does not read gives back what was on its way', async () => {
  const topic = await topicOf('stalled')
  const client = await fixture.client()
  const stalled = await (await subscription()).start({ topic, group: 'pair', from: 'earliest', messages: 1000 })
  stalled.stream.pause()
  const data = { case: 'binaryData' as const, value: new Uint8Array(60_000) }
  for (let part = 0; part < 4; part += 1) {
    await client.publish(
      topic,
      Array.from({ length: 25 }, (_, index) => event(`b-${part}-${index}`, { data })),
    )
  }
  const other = await (await subscription()).start({ topic, group: 'pair', messages: 1000 })
  // All but what was written to the connection of the one that does not read.
  await other.received.until(() => other.ids.length >= 50)
  stalled.stream.cancel()
  await other.received.until(() => new Set(other.ids).size === 100)
})
