import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { event, failureOf } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

test('stores events and says where', async () => {
  const client = await fixture.client()
  const { results } = await client.publish('acme/orders', [event('a-1'), event('a-2')])
  expect(results.map((result) => result.outcome.case)).toEqual(['receipt', 'receipt'])
  const [first] = results
  expect(first?.outcome.value).toMatchObject({ region: 'us-east', duplicate: false, regions: ['us-east'] })
  const { topic } = await client.getTopic('acme/orders')
  expect(topic?.eventCount).toBeGreaterThanOrEqual(2n)
})

test('refuses a topic of another tenant', async () => {
  const client = await fixture.client()
  const error = await failureOf(client.publish('globex/secrets', [event('x-1')]))
  expect(error.code).toBe(status.PERMISSION_DENIED)
})
