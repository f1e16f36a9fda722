import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChildGateway, startChild } from './child.ts'
import { event, failureOf } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'
import { collect, TestSubscription } from './stream.ts'

const MIB = 1024 * 1024

let fixture: Fixture
let child: ChildGateway
beforeAll(async () => {
  fixture = await startFixture({ nats: { syncInterval: '2m' } })
  child = await startChild(fixture, {
    LANDBRIDGE_PUBLISH_BYTES_MAX: String(2 * MIB),
    LANDBRIDGE_SUBSCRIPTIONS_MAX: '12',
    LANDBRIDGE_REQUEST_SECONDS: '5',
    LANDBRIDGE_GROUPS_MAX: '3',
    LANDBRIDGE_OPEN_SERVICE_STREAMS_MAX: '2',
    LANDBRIDGE_CONNECTIONS_MAX: '60',
  })
})
afterAll(async () => {
  await child?.[Symbol.asyncDispose]()
  await fixture?.[Symbol.asyncDispose]()
})

function batch(name: string, count: number, bytes: number) {
  const data = { case: 'binaryData' as const, value: new Uint8Array(bytes) }
  return Array.from({ length: count }, (_, index) => event(`${name}-${index}`, { data }))
}

test('a subscriber that stops reading holds back only itself, and memory stays flat', async () => {
  await fixture.apply(
    '{ apiVersion: landbridge.dev/v1alpha1, kind: Topic, metadata: { namespace: acme, name: flood }, spec: {} }',
  )
  const publisher = await fixture.client({ endpoint: child.grpc })
  const stalled: TestSubscription[] = []
  for (let index = 0; index < 8; index += 1) {
    const client = await fixture.client({ endpoint: child.grpc })
    const one = await new TestSubscription(client.subscribe()).start({ topic: 'acme/flood', messages: 100_000 })
    // It has all the credit there is, and reads no more.
    one.stream.pause()
    stalled.push(one)
  }
  const reading = await fixture.client({ endpoint: child.grpc })
  const reader = await new TestSubscription(reading.subscribe()).start({ topic: 'acme/flood', messages: 100_000 })
  let before = 0
  const rounds = 60
  for (let round = 0; round < rounds; round += 1) {
    const { results } = await publisher.publish('acme/flood', batch(`f-${round}`, 64, 32 * 1024))
    expect(results.every(({ outcome }) => outcome.case === 'receipt')).toBe(true)
    // Caches and pools have grown to their size by then.
    if (round === 15) before = await child.residentBytes()
  }
  await reader.delivered(rounds * 64)
  const after = await child.residentBytes()
  // 90 MiB went by since the first look, for each of eight stalled subscribers.
  expect((after - before) / MIB).toBeLessThan(60)
  const [first, ...others] = stalled
  for (const one of others) {
    expect(one.deliveries.length).toBeLessThan(rounds * 64)
    one.stream.cancel()
  }
  // One that reads on has missed nothing.
  first?.stream.resume()
  await first?.delivered(rounds * 64)
  expect(first?.ids).toEqual(reader.ids)
}, 60_000)

test('too much at once: unary calls are told when to come back, streams are slowed down', async () => {
  const client = await fixture.client({ endpoint: child.grpc })
  const calls = Array.from({ length: 40 }, (_, index) =>
    client.publish('acme/orders', batch(`u-${index}`, 32, 32 * 1024)).then(
      () => status.OK,
      (error) => {
        expect(Number(error.metadata.get('retry-after-ms')[0])).toBeGreaterThan(0)
        return error.code
      },
    ),
  )
  const codes = new Set(await Promise.all(calls))
  expect(codes).toEqual(new Set([status.OK, status.RESOURCE_EXHAUSTED]))

  const streams = Array.from({ length: 4 }, () => client.publishStream())
  const received = streams.map((stream) => collect(stream))
  for (const [index, stream] of streams.entries()) {
    for (let id = 0; id < 20; id += 1) {
      stream.write({
        $typeName: 'landbridge.v1.PublishStreamRequest',
        batchId: BigInt(id),
        topic: 'acme/orders',
        events: batch(`b-${index}-${id}`, 32, 32 * 1024),
      })
    }
    stream.end()
  }
  for (const one of received) {
    expect(await one.ended()).toBeUndefined()
    expect(one.messages).toHaveLength(20)
    expect(one.messages.every((ack) => ack.failures.length === 0)).toBe(true)
  }
}, 60_000)

test('more subscriptions than the gateway takes are refused with a retry delay', async () => {
  const client = await fixture.client({ endpoint: child.grpc })
  const made: TestSubscription[] = []
  let refused: TestSubscription | undefined
  while (refused === undefined && made.length < 13) {
    const one = new TestSubscription(client.subscribe())
    made.push(one)
    await one.start({}).catch(() => {
      refused = one
    })
  }
  const error = await refused?.received.ended()
  expect(error?.code).toBe(status.RESOURCE_EXHAUSTED)
  expect(Number(error?.metadata.get('retry-after-ms')[0])).toBeGreaterThan(0)
  for (const one of made) one.stream.cancel()
  // Places are free again once the streams are over.
  await expect
    .poll(async () => {
      const again = new TestSubscription(client.subscribe())
      const outcome = await again.start({}).then(
        () => 'stands',
        () => 'refused',
      )
      again.stream.cancel()
      return outcome
    })
    .toBe('stands')
  expect((await failureOf(client.getTopic('acme/none'))).code).toBe(status.NOT_FOUND)
})

/** So many Publish calls on one connection, each of 14 of 15 MiB; resolves to their status codes. */
async function unfinished(subject: string, count: number): Promise<readonly number[]> {
  const token = await fixture.issuer.token({ subject })
  const session = connectHttp2(`https://${child.grpc}`, {
    ca: readFileSync(fixture.certificates.authority.caFile),
    maxSessionMemory: 1000,
  })
  const head = Buffer.alloc(5)
  head.writeUInt32BE(15 * MIB, 1)
  const codes = Array.from({ length: count }, () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/landbridge.v1.EventService/Publish',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    stream.on('response', (headers) => resolve(Number(headers['grpc-status'])))
    stream.on('error', () => resolve(status.UNAVAILABLE))
    stream.resume()
    stream.write(head)
    const next = (mib: number) => {
      if (mib < 14 && !stream.destroyed) stream.write(Buffer.alloc(MIB), () => next(mib + 1))
    }
    next(0)
    return promise
  })
  return Promise.all(codes).finally(() => session.destroy())
}

// Forty requests that never ended, of a caller without any right, made the gateway hold 570 MiB.
test('requests that do not end cost little memory, and none of those who may not send them', async () => {
  const before = await child.residentBytes()
  expect(new Set(await unfinished('nobody', 40))).toEqual(new Set([status.PERMISSION_DENIED]))
  const greedy = unfinished('alice', 40)
  // Others get through meanwhile.
  await fixture.apply(`
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: bob }
spec: { principals: [{ subject: bob }], topics: ['*'], operations: [publish] }
`)
  const bob = await fixture.client({ endpoint: child.grpc, subject: 'bob' })
  await expect
    .poll(() => bob.publish('acme/orders', batch('bob', 32, 32 * 1024)).then(({ results }) => results.length, String))
    .toBe(32)
  expect(new Set(await greedy)).toEqual(new Set([status.DEADLINE_EXCEEDED]))
  expect((await child.residentBytes()) - before).toBeLessThan(100 * MIB)
  const alice = await fixture.client({ endpoint: child.grpc })
  expect((await alice.publish('acme/orders', batch('after', 60, 32 * 1024))).results).toHaveLength(60)
}, 30_000)

test('more groups of a topic than the gateway allows are refused; those that are there go on', async () => {
  await fixture.apply(
    '{ apiVersion: landbridge.dev/v1alpha1, kind: Topic, metadata: { namespace: acme, name: grouped }, spec: {} }',
  )
  const client = await fixture.client({ endpoint: child.grpc })
  await client.publish('acme/grouped', [event('first')])
  const join = async (group: string) => {
    const one = await new TestSubscription(client.subscribe()).start({ topic: 'acme/grouped', group, from: 'earliest' })
    await one.delivered(1)
    one.stream.cancel()
  }
  for (const group of ['one', 'two', 'three']) await join(group)
  const refused = new TestSubscription(client.subscribe())
  await refused.start({ topic: 'acme/grouped', group: 'four' }).catch(() => undefined)
  expect((await refused.received.ended())?.code).toBe(status.RESOURCE_EXHAUSTED)
  await join('one')
})

test('streams that need no credentials are few, and health checks go on', async () => {
  const session = connectHttp2(`https://${child.grpc}`, { ca: readFileSync(fixture.certificates.authority.caFile) })
  const call = async (method: string) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/grpc.health.v1.Health/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.end(Buffer.alloc(5))
    const [headers] = await once(stream, 'response')
    return Number(headers['grpc-status'] ?? status.OK)
  }
  expect(await Promise.all([call('Watch'), call('Watch')])).toEqual([status.OK, status.OK])
  expect(await call('Watch')).toBe(status.RESOURCE_EXHAUSTED)
  expect(await call('Check')).toBe(status.OK)
  session.destroy()
})

test('more connections than the gateway takes are dropped', async () => {
  const [host = '', port = ''] = child.grpc.split(':')
  const sockets = Array.from({ length: 80 }, () => connectTcp(Number(port), host).on('error', () => undefined))
  let dropped = 0
  for (const socket of sockets) socket.on('close', () => (dropped += 1))
  for (const socket of sockets) socket.resume()
  await expect.poll(() => dropped, { timeout: 5_000 }).toBeGreaterThanOrEqual(20)
  expect(dropped).toBeLessThan(80)
  for (const socket of sockets) socket.destroy()
})
