import { fromBinary } from '@bufbuild/protobuf'
import { MeshError } from '@landbridge/core'
import { CloudEventSchema, type SubscribeRequest } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { encodeEvent } from '../index.ts'
import { connectTo } from '../testing/connect.ts'
import { type SubscribeCall, TestGateway } from '../testing/test-gateway.ts'

const TOPIC = 'acme/orders'
const RECORDED = new Date('2030-01-01T00:01:00Z')

/** Hands out the calls that reach a gateway, one by one. */
function callsOf(gateway: TestGateway): () => Promise<SubscribeCall> {
  const calls: SubscribeCall[] = []
  const waiting: ((call: SubscribeCall) => void)[] = []
  gateway.onSubscribe = (call) => {
    const next = waiting.shift()
    if (next === undefined) calls.push(call)
    else next(call)
  }
  return () => {
    const call = calls.shift()
    return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call)
  }
}

function stand(call: SubscribeCall, region: string): void {
  call.respond({ case: 'started', value: { $typeName: 'landbridge.v1.SubscribeStarted', region } })
}

function deliver(call: SubscribeCall, ids: readonly string[], first = 1, group = false): void {
  const deliveries = ids.map((id, index) => {
    const bytes = encodeEvent({ type: 'test', id, data: { id }, extensions: { stage: 'test' } }, '/test')
    const event = fromBinary(CloudEventSchema, bytes)
    const seconds = BigInt(RECORDED.getTime() / 1_000)
    event.attributes.recordedtime = {
      $typeName: 'io.cloudevents.v1.CloudEventAttributeValue',
      attr: { case: 'ceTimestamp', value: { $typeName: 'google.protobuf.Timestamp', seconds, nanos: 0 } },
    }
    return {
      $typeName: 'landbridge.v1.Delivery' as const,
      deliveryId: group ? BigInt(first + index) : 0n,
      sequence: BigInt(first + index),
      attempt: 1,
      event,
    }
  })
  call.respond({ case: 'deliveries', value: { $typeName: 'landbridge.v1.Deliveries', deliveries } })
}

function settle(call: SubscribeCall, deliveryIds: readonly number[], unknownDeliveryIds: readonly number[] = []): void {
  const value = {
    $typeName: 'landbridge.v1.Settled' as const,
    deliveryIds: deliveryIds.map(BigInt),
    unknownDeliveryIds: unknownDeliveryIds.map(BigInt),
  }
  call.respond({ case: 'settled', value })
}

async function startOf(call: SubscribeCall) {
  const request = await call.request(({ case: kind }) => kind === 'start')
  if (request.case !== 'start') throw new Error('no start')
  return request.value
}

const isKind = (kind: SubscribeRequest['request']['case']) => (request: SubscribeRequest['request']) =>
  request.case === kind
const lost = new MeshError('unavailable', 'gateway: is draining', { retryAfterMs: 10 })

test('delivers events with what the mesh knows of them', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC, { from: 'earliest', credit: 10, creditBytes: 1_000 })
  const call = await next()
  expect(await startOf(call)).toMatchObject({
    topic: TOPIC,
    group: '',
    position: { position: { case: 'earliest' } },
    credit: { messages: 10, bytes: 1_000n },
  })
  stand(call, 'east')
  await subscription.ready()
  deliver(call, ['a'], 7)
  const { value } = await subscription.next()
  expect(value).toMatchObject({ sequence: 7, attempt: 1, region: 'east' })
  expect(value?.event).toMatchObject({ id: 'a', source: '/test', type: 'test', dataContentType: 'application/json' })
  expect(value?.event.json()).toEqual({ id: 'a' })
  expect(value?.event.extensions).toEqual(
    new Map([
      ['stage', 'test'],
      ['recordedtime', '2030-01-01T00:01:00.000Z'],
    ]),
  )
  await expect(value?.ack()).rejects.toThrow('has no group')
})

test('a reader goes on behind its last event', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC)
  const first = await next()
  stand(first, 'east')
  deliver(first, ['a', 'b'], 41)
  await subscription.next()
  await expect.poll(() => first.requests.length).toBe(1)
  first.fail(lost)
  const second = await next()
  expect(await startOf(second)).toMatchObject({ position: { position: { case: 'sequence', value: 43n } } })
  stand(second, 'east')
  deliver(second, ['c'], 43)
  expect((await subscription.next()).value?.event.id).toBe('b')
  expect((await subscription.next()).value?.event.id).toBe('c')
})

test('in another region a reader goes back some time, and leaves out what it had', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  const inEast = callsOf(east)
  const inWest = callsOf(west)
  await using mesh = await connectTo([east, west])
  await using subscription = mesh.subscribe(TOPIC, { from: 'earliest', overlapMs: 10_000 })
  const first = await inEast()
  stand(first, 'east')
  deliver(first, ['a', 'b'])
  await subscription.next()
  await subscription.next()
  east.stop()
  const second = await inWest()
  const seconds = BigInt(RECORDED.getTime() / 1_000 - 10)
  expect(await startOf(second)).toMatchObject({ position: { position: { case: 'time', value: { seconds } } } })
  stand(second, 'west')
  deliver(second, ['0', 'b', 'a', 'c'], 100)
  expect((await subscription.next()).value).toMatchObject({ event: { id: '0' }, region: 'west' })
  expect((await subscription.next()).value?.event.id).toBe('c')
})

test('credit comes back as events are taken', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC, { credit: 4 })
  const call = await next()
  stand(call, 'east')
  deliver(call, ['a', 'b', 'c', 'd'])
  await subscription.next()
  const credit = await call.request(isKind('credit'))
  expect(credit).toMatchObject({ value: { messages: 1 } })
})

test('an event of a group takes credit until it is settled', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC, { group: 'workers', credit: 4 })
  const call = await next()
  stand(call, 'east')
  deliver(call, ['a', 'b', 'c', 'd'], 1, true)
  const deliveries = []
  for (let count = 0; count < 4; count++) deliveries.push((await subscription.next()).value)
  void deliveries[0]?.ack()
  await call.request(isKind('ack'))
  expect(call.requests.some(isKind('credit'))).toBe(false)
  settle(call, [1])
  await call.request(isKind('credit'))
  const nacks = [deliveries[1]?.nack(), deliveries[2]?.reject()]
  settle(call, [2], [3])
  await Promise.allSettled(nacks)
  await expect.poll(() => call.requests.filter(isKind('credit')).length).toBe(3)
})

test('an event of a group that nobody settles takes credit until its wait is over', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC, { group: 'workers', credit: 1, ackWaitMs: 1_000 })
  const call = await next()
  stand(call, 'east')
  deliver(call, ['a'], 1, true)
  const { value } = await subscription.next()
  const before = performance.now()
  await value?.extend()
  await call.request(isKind('credit'))
  expect(performance.now() - before).toBeGreaterThan(990)
})

test('a group settles: together, once, and not too late', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC, { group: 'workers', ackWaitMs: 5_500 })
  const call = await next()
  expect(await startOf(call)).toMatchObject({ group: 'workers', ackWait: { seconds: 5n, nanos: 500_000_000 } })
  stand(call, 'east')
  deliver(call, ['a', 'b', 'c', 'd'], 1, true)
  const deliveries = []
  for (let count = 0; count < 4; count++) deliveries.push((await subscription.next()).value)
  const [a, b, c, d] = deliveries
  const acks = Promise.all([a?.ack(), b?.ack()])
  expect(a?.ack()).toBe(a?.ack())
  await expect(a?.nack()).rejects.toThrow('was settled by ack')
  expect(await call.request(isKind('ack'))).toMatchObject({ value: { deliveryIds: [1n, 2n] } })
  settle(call, [1, 2])
  await acks
  const nack = c?.nack({ delayMs: 1_500 })
  expect(await call.request(isKind('nack'))).toMatchObject({ value: { deliveryIds: [3n], delay: { seconds: 1n } } })
  settle(call, [], [3])
  await expect(nack).rejects.toThrow('too late')
  await d?.extend()
  expect(await call.request(isKind('extend'))).toMatchObject({ value: { deliveryIds: [4n] } })
  const rejected = d?.reject('broken')
  expect(await call.request(isKind('reject'))).toMatchObject({ value: { reason: 'broken' } })
  settle(call, [4])
  await rejected
})

test('a lost stream: its settlements fail, its events are not shown any more', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  await using subscription = mesh.subscribe(TOPIC, { group: 'workers' })
  const first = await next()
  stand(first, 'east')
  deliver(first, ['a', 'b'], 1, true)
  const delivery = (await subscription.next()).value
  const ack = delivery?.ack()
  await first.request(isKind('ack'))
  first.fail(lost)
  await expect(ack).rejects.toMatchObject({ code: 'aborted', ambiguous: true })
  const second = await next()
  stand(second, 'east')
  deliver(second, ['c'], 1, true)
  expect((await subscription.next()).value?.event.id).toBe('c')
})

test('a refusal ends the iteration with its error', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  const subscription = mesh.subscribe(TOPIC)
  const reading = subscription.next()
  const call = await next()
  call.fail(new MeshError('permission_denied', 'subscribe: not allowed'))
  await expect(reading).rejects.toMatchObject({ code: 'permission_denied' })
  await expect(subscription.ready()).rejects.toMatchObject({ code: 'permission_denied' })
  expect(await subscription.next()).toEqual({ value: undefined, done: true })
  await subscription.close()
})

test('a refusal of a region that stands in for home does not end it', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  const inEast = callsOf(east)
  const inWest = callsOf(west)
  east.stop()
  await using mesh = await connectTo([east, west])
  await using subscription = mesh.subscribe(TOPIC)
  for (let times = 0; times < 2; times++) {
    const call = await inWest()
    call.fail(new MeshError('not_found', 'topic: is not known here'))
  }
  west.stop()
  await east.start()
  stand(await inEast(), 'east')
  await subscription.ready()
})

test('close waits for the settlements under way, and ends the iteration', async () => {
  await using east = await TestGateway.start('east')
  const next = callsOf(east)
  await using mesh = await connectTo([east])
  const abort = new AbortController()
  const subscription = mesh.subscribe(TOPIC, { group: 'workers', signal: abort.signal })
  const call = await next()
  stand(call, 'east')
  deliver(call, ['a'], 1, true)
  const delivery = (await subscription.next()).value
  const ack = delivery?.ack()
  const reading = subscription.next()
  abort.abort()
  await call.request(isKind('ack'))
  settle(call, [1])
  await ack
  expect(await reading).toEqual({ value: undefined, done: true })
  await Promise.all([subscription.close(), subscription.close()])
})

test('options that cannot be used are refused', async () => {
  await using east = await TestGateway.start('east')
  await using mesh = await connectTo([east])
  expect(() => mesh.subscribe('orders')).toThrow('wanted "<tenant>/<topic>"')
  expect(() => mesh.subscribe(TOPIC, { group: '' })).toThrow('group')
  expect(() => mesh.subscribe(TOPIC, { credit: 0 })).toThrow('credit is 0')
  expect(() => mesh.subscribe(TOPIC, { from: new Date('never') })).toThrow('no date')
})
