import { create } from '@bufbuild/protobuf'
import { MeshError } from '@landbridge/core'
import { DeliveriesSchema, SettledSchema, SubscribeStartedSchema } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { testCertificate } from '../../testing/certificate.ts'
import { type SubscribeCall, TestGateway } from '../../testing/test-gateway.ts'
import { STOP } from '../context.ts'
import { ran, type TestContextOptions } from '../testing/test-context.ts'

async function subscribe(gateway: TestGateway, words: readonly string[], options: TestContextOptions = {}) {
  const { cert } = await testCertificate()
  const env = { LANDBRIDGE_ENDPOINTS: `us-east=${gateway.endpoint}`, LANDBRIDGE_CA: cert }
  return await ran(['subscribe', 'acme/orders', ...words], { env, ...options })
}

/** Starts the subscription and delivers so many events. */
function deliver(call: SubscribeCall, count: number): void {
  call.respond({ case: 'started', value: create(SubscribeStartedSchema, { region: 'us-east' }) })
  const deliveries = Array.from({ length: count }, (_, index) => ({
    deliveryId: BigInt(index + 1),
    sequence: BigInt(index + 11),
    attempt: 1,
    event: {
      id: String(index),
      source: '/s',
      specVersion: '1.0',
      type: 't',
      attributes: { lborigin: { attr: { case: 'ceString' as const, value: 'eu-west' } } },
      data: { case: 'textData' as const, value: `{"n":${index}}` },
    },
  }))
  call.respond({ case: 'deliveries', value: create(DeliveriesSchema, { deliveries }) })
}

test('prints events until there are enough', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.onSubscribe = (call) => deliver(call, 3)
  const { code, stdout, stderr } = await subscribe(gateway, ['-n', '2', '--from', 'earliest'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe('-  #11 from eu-west  t  /s  {"n":0}\n-  #12 from eu-west  t  /s  {"n":1}\n')
})

test('JSON has the place and the CloudEvent', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.onSubscribe = (call) => deliver(call, 1)
  const { stdout } = await subscribe(gateway, ['-n', '1', '-o', 'json'])
  expect(JSON.parse(stdout)).toEqual({
    region: 'us-east',
    sequence: 11,
    attempt: 1,
    event: { specversion: '1.0', id: '0', source: '/s', type: 't', lborigin: 'eu-west', data: { n: 0 } },
  })
})

test('in a group each event is acknowledged once it was printed, before the end', async () => {
  await using gateway = await TestGateway.start('us-east')
  const acknowledged: bigint[] = []
  gateway.onSubscribe = async (call) => {
    deliver(call, 2)
    for (let seen = 0; acknowledged.length < 2; seen = call.requests.length) {
      await call.request((request) => request.case === 'ack' && call.requests.indexOf(request) >= seen)
      for (const request of call.requests.slice(seen)) {
        if (request.case !== 'ack') continue
        acknowledged.push(...request.value.deliveryIds)
        const { deliveryIds } = request.value
        call.respond({ case: 'settled', value: create(SettledSchema, { deliveryIds }) })
      }
    }
  }
  const { code, stderr } = await subscribe(gateway, ['-g', 'billing', '-n', '2'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(acknowledged).toEqual([1n, 2n])
})

test('the time runs out: 4 when events are missing, 0 when nobody counted', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.onSubscribe = (call) => deliver(call, 1)
  const counted = await subscribe(gateway, ['-n', '2', '--timeout', '500ms'])
  expect(counted.code).toBe(4)
  expect(counted.stderr).toContain('1 of 2 events came in time')
  expect((await subscribe(gateway, ['--timeout', '500ms'])).code).toBe(0)
})

test.each([
  [STOP.interrupted, 130],
  [STOP.pipeClosed, 0],
])('told to stop (%s) in the middle it ends with %d', async (reason, code) => {
  await using gateway = await TestGateway.start('us-east')
  gateway.onSubscribe = (call) => deliver(call, 1)
  const stop = new AbortController()
  const { cert } = await testCertificate()
  const result = await subscribe(gateway, [], {
    env: { LANDBRIDGE_ENDPOINTS: gateway.endpoint, LANDBRIDGE_CA: cert },
    signal: stop.signal,
    onOutput: () => stop.abort(reason),
  })
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code, stderr: '' })
})

test('a refusal ends it', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.onSubscribe = (call) => call.fail(new MeshError('permission_denied', 'not yours'))
  const { code, stderr } = await subscribe(gateway, [])
  expect(code).toBe(3)
  expect(stderr).toContain('not yours')
})

test('nobody answers: it says why, in time', async () => {
  const gateway = await TestGateway.start('us-east')
  gateway.stop()
  const { code, stderr } = await subscribe(gateway, ['--timeout', '300ms'])
  expect(code).toBe(4)
  expect(stderr).toContain('ECONNREFUSED')
})
