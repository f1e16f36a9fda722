import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ensureTool } from '@landbridge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fixture, startFixture } from './fixture.ts'

const run = promisify(execFile)
let fixture: Fixture
let grpcurl: string
beforeAll(async () => {
  // Built from source the first time.
  grpcurl = await ensureTool('grpcurl', { report: () => {} })
  fixture = await startFixture()
}, 600_000)
afterAll(() => fixture?.[Symbol.asyncDispose]())

async function call(...args: string[]): Promise<string> {
  const { stdout } = await run(grpcurl, ['-cacert', fixture.certificates.authority.caFile, ...args])
  return stdout
}

test('grpcurl lists and describes the services without any files', async () => {
  const services = (await call(fixture.gateway.grpc, 'list')).trim().split('\n')
  expect(services).toEqual([
    'grpc.health.v1.Health',
    'landbridge.v1.AdminService',
    'landbridge.v1.EventService',
    'landbridge.v1.ReplicationService',
  ])
  expect(await call(fixture.gateway.grpc, 'describe', 'landbridge.v1.EventService')).toContain('rpc PublishStream')
  expect(await call(fixture.gateway.grpc, 'describe', 'io.cloudevents.v1.CloudEvent')).toContain('spec_version')
})

test('grpcurl asks for health', async () => {
  const answer = await call(
    '-d',
    '{"service":"landbridge.v1.EventService"}',
    fixture.gateway.grpc,
    'grpc.health.v1.Health/Check',
  )
  expect(JSON.parse(answer)).toEqual({ status: 'SERVING' })
})

test('grpcurl calls them', async () => {
  const token = await fixture.issuer.token({ subject: 'alice' })
  const method = (name: string, request: object) =>
    call(
      '-H',
      `authorization: Bearer ${token}`,
      '-d',
      JSON.stringify(request),
      fixture.gateway.grpc,
      `landbridge.v1.EventService/${name}`,
    )
  const event = { id: 'curl-1', source: '/curl', specVersion: '1.0', type: 'curl.sent', textData: 'hello' }
  const published = JSON.parse(await method('Publish', { topic: 'acme/orders', events: [event] }))
  expect(published.results[0].receipt.region).toBe('us-east')
  // It half-closes after its request: a reader still gets what it has credit for.
  const start = { topic: 'acme/orders', position: { earliest: true }, credit: { messages: 1 } }
  const received = await method('Subscribe', { start })
  expect(received).toContain('curl-1')
  expect(received).toContain('lborigin')
})
