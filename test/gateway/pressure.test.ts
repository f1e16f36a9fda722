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
