import { toBinary } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { CloudEventSchema, EventService, grpcMethods, type PublishStreamResponse, rawCodec } from '@landbridge/proto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { event, failureOf, type TestClient } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'
import { collect } from './stream.ts'

let fixture: Fixture
let client: TestClient
beforeAll(async () => {
  fixture = await startFixture()
  client = await fixture.client()
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

async function lastSequence(): Promise<bigint> {
  return (await client.getTopic('acme/orders')).topic?.lastSequence ?? 0n
}

/** `PublishRequest` around bytes that stand for an event. */
function request(topic: string, ...events: Uint8Array[]): Buffer {
  const field = (number: number, bytes: Uint8Array) => {
    const length = []
    for (let rest = bytes.length; ; rest >>>= 7) {
      length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest)
      if (rest <= 0x7f) break
    }
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
  }
  return Buffer.concat([field(1, Buffer.from(topic)), ...events.map((bytes) => field(2, bytes))])
}

function publishRaw(bytes: Buffer): Promise<unknown> {
  const { path, responseDeserialize } = grpcMethods(EventService).publish
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  client.raw.makeUnaryRequest(path, rawCodec.serialize, responseDeserialize, bytes, client.metadata, (error, value) =>
    error === null ? resolve(value) : reject(error),
  )
  return promise
}

test('stores events and says where, once each', async () => {
  const { results } = await client.publish('acme/orders', [event('a-1'), event('a-2')])
  expect(results.map((result) => result.outcome)).toMatchObject([
    { case: 'receipt', value: { region: 'us-east', duplicate: false, regions: ['us-east'] } },
    { case: 'receipt', value: { region: 'us-east', duplicate: false, regions: ['us-east'] } },
  ])
  const again = await client.publish('acme/orders', [event('a-2'), event('a-3')])
  expect(again.results.map(({ outcome }) => outcome.case === 'receipt' && outcome.value.duplicate)).toEqual([
    true,
    false,
  ])
  expect(await lastSequence()).toBe(3n)
})

test.each<[string, () => Buffer, RegExp]>([
  ['no event', () => request('acme/orders'), /no event/],
  ['a malformed topic', () => request('orders', toBinary(CloudEventSchema, event('x'))), /<tenant>\/<topic>/],
  ['an event that is no CloudEvent', () => request('acme/orders', Buffer.from('nonsense')), /malformed/],
  ['an event without id', () => request('acme/orders', toBinary(CloudEventSchema, event(''))), /id is missing/],
  [
    'an event of another version',
    () => request('acme/orders', toBinary(CloudEventSchema, event('x', { specVersion: '0.3' }))),
    /spec_version/,
  ],
  [
    'an event that is too large',
    () =>
      request(
        'acme/orders',
        toBinary(CloudEventSchema, event('x', { data: { case: 'binaryData', value: new Uint8Array(70_000) } })),
      ),
    /65536/,
  ],
  ['too many events', () => request('acme/orders', ...Array.from({ length: 1001 }, () => new Uint8Array(1))), /1000/],
  ['a malformed request', () => Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f]), /malformed/],
])('refuses %s with a clear error; the connection survives, and nothing is stored', async (_name, make, text) => {
  const before = await lastSequence()
  const error = await failureOf(publishRaw(make()))
  expect(error.code).toBe(status.INVALID_ARGUMENT)
  expect(error.details).toMatch(text)
  expect(await lastSequence()).toBe(before)
})

test('refuses an unknown topic, and a request beyond the size limit', async () => {
  const error = await failureOf(client.publish('acme/unknown', [event('x')]))
  expect(error.code).toBe(status.NOT_FOUND)
  const huge = await failureOf(publishRaw(request('acme/orders', new Uint8Array(17 * 1024 * 1024))))
  expect(huge.code).toBe(status.RESOURCE_EXHAUSTED)
  await client.publish('acme/orders', [event('after-huge')])
})

test('a bad event among good ones is named, and the good ones are stored', async () => {
  const { results } = await client.publish('acme/orders', [event('m-1'), event('', {}), event('m-2')])
  expect(results.map(({ outcome }) => outcome.case)).toEqual(['receipt', 'error', 'receipt'])
  expect(results[1]?.outcome.value).toMatchObject({ code: status.INVALID_ARGUMENT, ambiguous: false })
})

test('a retry is stored once: elsewhere, late, and after the copy is found', async () => {
  await client.publish('acme/orders', [event('once')])
  const before = await lastSequence()
  const retries = [
    { ageMs: 1000, region: 'us-east', elsewhere: false },
    { ageMs: 1000, region: 'us-east', elsewhere: true },
    { ageMs: 600_000, region: 'eu-west', elsewhere: true },
  ]
  for (const retry of retries) {
    const { results } = await client.publish('acme/orders', [event('once')], retry)
    expect(results[0]?.outcome).toMatchObject({ case: 'receipt', value: { duplicate: true } })
  }
  expect(await lastSequence()).toBe(before)
  // One whose first attempt reached nobody is stored by a marked attempt, and found by the next one.
  const [, , late] = retries
  const stored = await client.publish('acme/orders', [event('late')], late)
  expect(stored.results[0]?.outcome).toMatchObject({ case: 'receipt', value: { duplicate: false } })
  const again = await client.publish('acme/orders', [event('late')], late)
  expect(again.results[0]?.outcome).toMatchObject({ case: 'receipt', value: { duplicate: true } })
  const wrong = await failureOf(
    client.publish('acme/orders', [event('x')], { ageMs: 8 * 86_400_000, region: '', elsewhere: true }),
  )
  expect(wrong.code).toBe(status.INVALID_ARGUMENT)
})

test('a publish stream acknowledges every batch, names what failed, and goes on', async () => {
  const stream = client.publishStream()
  const received = collect(stream)
  const send = (batchId: bigint, topic: string, ...ids: string[]) =>
    stream.write({
      $typeName: 'landbridge.v1.PublishStreamRequest',
      batchId,
      topic,
      events: ids.map((id) => event(id)),
    })
  send(1n, 'acme/orders', 's-1', 's-2')
  send(2n, '', 's-3', '')
  send(3n, 'globex/secrets', 's-4')
  send(4n, 'acme/unknown', 's-5')
  send(5n, 'acme/orders', 's-1', 's-6')
  stream.end()
  expect(await received.ended()).toBeUndefined()
  const byId = new Map<bigint, PublishStreamResponse>(received.messages.map((ack) => [ack.batchId, ack]))
  const outcome = (id: bigint) => ({
    duplicates: byId.get(id)?.duplicates,
    failures: byId.get(id)?.failures.map(({ index, error }) => [index, error?.code]),
  })
  expect(outcome(1n)).toEqual({ duplicates: [], failures: [] })
  expect(outcome(2n)).toEqual({ duplicates: [], failures: [[1, status.INVALID_ARGUMENT]] })
  expect(outcome(3n)).toEqual({ duplicates: [], failures: [[0, status.PERMISSION_DENIED]] })
  expect(outcome(4n)).toEqual({ duplicates: [], failures: [[0, status.NOT_FOUND]] })
  expect(outcome(5n)).toEqual({ duplicates: [0], failures: [] })
})

test('a publish stream keeps the order of its batches, and ends on a batch without events', async () => {
  await fixture.apply(
    '{ apiVersion: landbridge.dev/v1alpha1, kind: Topic, metadata: { namespace: acme, name: order }, spec: {} }',
  )
  const stream = client.publishStream()
  const received = collect(stream)
  const count = 200
  for (let index = 0; index < count; index += 1) {
    const ids = [0, 1, 2].map((part) => `o-${index}-${part}`)
    // Every tenth is a retry, which has to be looked for first: those behind must not overtake it.
    const retry = {
      $typeName: 'landbridge.v1.Retry' as const,
      age: { $typeName: 'google.protobuf.Duration' as const, seconds: 400n, nanos: 0 },
      region: 'eu-west',
      elsewhere: true,
    }
    stream.write({
      $typeName: 'landbridge.v1.PublishStreamRequest',
      batchId: BigInt(index),
      topic: 'acme/order',
      events: ids.map((id) => event(id)),
      ...(index % 10 === 9 ? { retry } : {}),
    })
  }
  await received.until((acks) => acks.length === count)
  const sequences = [...received.messages].sort((a, b) => Number(a.batchId - b.batchId)).map((ack) => ack.lastSequence)
  expect(sequences).toEqual([...sequences].sort((a, b) => Number(a - b)))
  expect((await client.getTopic('acme/order')).topic?.eventCount).toBe(BigInt(count * 3))
  stream.write({ $typeName: 'landbridge.v1.PublishStreamRequest', batchId: 0n, topic: '', events: [] })
  expect((await received.ended())?.code).toBe(status.INVALID_ARGUMENT)
})

test('lists topics by page, only those the caller may see', async () => {
  const names: string[] = []
  let pageToken = ''
  do {
    const page = await client.listTopics({ pageSize: 1, pageToken })
    names.push(...page.topics.map(({ name }) => name))
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  expect(names).toEqual(['acme/order', 'acme/orders'])
  expect((await client.listTopics({ tenant: 'globex' })).topics).toEqual([])
  expect((await failureOf(client.listTopics({ pageSize: 1001 }))).code).toBe(status.INVALID_ARGUMENT)
  expect((await failureOf(client.listTopics({ pageToken: 'x' }))).code).toBe(status.INVALID_ARGUMENT)
})

test('applies documents all or nothing, and says what changes', async () => {
  const admin = await fixture.client({ subject: 'admin' })
  const good =
    '{ apiVersion: landbridge.dev/v1alpha1, kind: Topic, metadata: { namespace: acme, name: planned }, spec: {} }'
  expect((await failureOf(admin.apply(`${good}\n---\nkind: Nonsense`))).code).toBe(status.INVALID_ARGUMENT)
  const planned = await admin.apply(good, true)
  expect(planned.outcomes[0]).toMatchObject({ kind: 'Topic', name: 'acme/planned', error: '' })
  expect((await failureOf(client.getTopic('acme/planned'))).code).toBe(status.NOT_FOUND)
  expect((await admin.apply(good)).outcomes[0]?.action).toBe(1)
  expect((await admin.apply(good)).outcomes[0]?.action).toBe(3)
})
