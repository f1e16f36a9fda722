import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { connect as connectHttp2, type Settings } from 'node:http2'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { promisify } from 'node:util'
import { Client, credentials, status } from '@grpc/grpc-js'
import { rawCodec } from '@landbridge/proto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChild } from './child.ts'
import { event, failureOf } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'
import { collect, TestSubscription } from './stream.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

test('a stream, and a connection, may send far more than 64 KiB ahead', async () => {
  const session = connectHttp2(`https://${fixture.gateway.grpc}`, { rejectUnauthorized: false })
  const [settings] = (await once(session, 'remoteSettings')) as [Settings]
  expect(settings.initialWindowSize).toBe(1024 * 1024)
  session.request({ ':method': 'POST', ':path': '/grpc.health.v1.Health/Check', 'content-type': 'application/grpc' })
  await expect.poll(() => session.state.remoteWindowSize).toBe(4 * 1024 * 1024)
  session.destroy()
})

function servedSerial(address: string): Promise<string> {
  const [host = '', port = ''] = address.split(':')
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = tlsConnect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  socket.once('secureConnect', () => resolve(socket.getPeerCertificate().serialNumber))
  socket.once('error', reject)
  return promise.finally(() => socket.destroy())
}

test('certificates reload without dropping a stream, and a broken pair is not taken', async () => {
  const client = await fixture.client()
  const subscription = await new TestSubscription(client.subscribe()).start({})
  const first = await servedSerial(fixture.gateway.grpc)
  await fixture.certificates.region('us-east')
  await expect.poll(() => servedSerial(fixture.gateway.grpc)).not.toBe(first)
  const second = await servedSerial(fixture.gateway.grpc)

  // A certificate whose key has not come yet: connections go on with the last good pair.
  const other = await fixture.certificates.region('elsewhere')
  await copyFile(other.cert, fixture.env.LANDBRIDGE_TLS_CERT ?? '')
  await expect
    .poll(
      async () =>
        await fixture.gateway.metrics.registry.getSingleMetricAsString('landbridge_certificate_problems_total'),
    )
    .toMatch(/_total 1/)
  expect(await servedSerial(fixture.gateway.grpc)).toBe(second)
  await (await fixture.client()).publish('acme/orders', [event('mid-rotation')])
  await copyFile(other.key, fixture.env.LANDBRIDGE_TLS_KEY ?? '')
  await expect.poll(() => servedSerial(fixture.gateway.grpc)).not.toBe(second)

  await client.publish('acme/orders', [event('after-rotation')])
  await subscription.received.until(() => subscription.ids.includes('after-rotation'))
  expect(subscription.ids).toEqual(['mid-rotation', 'after-rotation'])
})

test('health, readiness and metrics say what is', async () => {
  const { gateway } = fixture
  const get = (path: string) => fetch(`http://${gateway.http}${path}`)
  expect((await get('/healthz')).status).toBe(200)
  expect((await get('/readyz')).status).toBe(200)
  expect((await get('/nothing')).status).toBe(404)
  const client = await fixture.client()
  await client.publish('acme/orders', [event('counted')])
  await failureOf(client.publish('acme/unknown', [event('x')]))
  const text = await (await get('/metrics')).text()
  expect(text).toMatch(/landbridge_published_events_total{topic="acme\/orders",outcome="stored"} \d+/)
  expect(text).toMatch(/landbridge_grpc_calls_total{method="EventService\/Publish",code="NOT_FOUND"} 1/)
  // A caller cannot make series: names that it invents are no labels.
  expect(text).not.toMatch(/unknown"/)

  const health = new Client(gateway.grpc, credentials.createSsl(readFileSync(fixture.certificates.authority.caFile)))
  const check = (service: string) => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    // HealthCheckRequest and -Response have one field each.
    const request = Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)])
    const { serialize, deserialize } = rawCodec
    health.makeUnaryRequest('/grpc.health.v1.Health/Check', serialize, deserialize, request, (error, response) =>
      resolve(error === null ? response?.toString('hex') : error.code),
    )
    return promise
  }
  const serving = '0801'
  expect(await check('')).toBe(serving)
  expect(await check('landbridge.v1.EventService')).toBe(serving)
  expect(await check('nobody')).toBe(status.NOT_FOUND)
  health.close()
})

test.each(['is gone', 'hangs'] as const)(
  'the store %s: refused with a retry delay, and well again by itself',
  async (how) => {
    await using alone = await startFixture({ env: { LANDBRIDGE_PUBLISH_TIMEOUT_MS: '500' } })
    const client = await alone.client()
    await client.publish('acme/orders', [event('w-1')])
    const ready = async () => (await fetch(`http://${alone.gateway.http}/readyz`)).status
    if (how === 'hangs') alone.nats.pause()
    else {
      await alone.nats.kill()
      await expect.poll(ready).toBe(503)
    }
    // At first each publish fails by itself, ambiguously; then (breaker open, or known to be away) the call is refused.
    await expect
      .poll(
        async () => {
          try {
            const { results } = await client.publish('acme/orders', [event('w-2')])
            return results[0]?.outcome.value
          } catch (error) {
            const { code, metadata } = error as { code: number; metadata: { get(key: string): unknown[] } }
            return code === status.UNAVAILABLE && Number(metadata.get('retry-after-ms')[0]) > 0 ? 'refused' : code
          }
        },
        { timeout: 15_000, interval: 10 },
      )
      .toBe('refused')
    if (how === 'hangs') alone.nats.resume()
    else await alone.nats.start()
    await expect
      .poll(
        () =>
          client.publish('acme/orders', [event('w-3')]).then(
            ({ results }) => results[0]?.outcome.case,
            () => '',
          ),
        {
          timeout: 20_000,
        },
      )
      .toBe('receipt')
    await expect.poll(ready).toBe(200)
  },
  60_000,
)

test('SIGTERM under load: calls in flight finish, streams end with a retry delay, the process exits with 0', async () => {
  await using child = await startChild(fixture)
  const client = await fixture.client({ endpoint: child.grpc })
  const subscription = await new TestSubscription(client.subscribe()).start({ group: 'drained', messages: 100_000 })
  const stream = client.publishStream()
  const acks = collect(stream)
  let sent = 0
  const send = () => {
    while (sent - acks.messages.length < 20 && acks.end === undefined) {
      stream.write({
        $typeName: 'landbridge.v1.PublishStreamRequest',
        batchId: BigInt(sent),
        topic: 'acme/orders',
        events: Array.from({ length: 20 }, (_, index) => event(`drain-${sent}-${index}`)),
      })
      sent += 1
    }
  }
  stream.on('data', send)
  send()
  // A client that retries: on this gateway while it takes calls, then on the other one.
  const other = await fixture.client()
  const failures: unknown[] = []
  let calls = 0
  let running = true
  const load = async (worker: number) => {
    for (let index = 0; running; index += 1) {
      calls += 1
      const batch = [event(`unary-${worker}-${index}`)]
      const { results } = await client
        .publish('acme/orders', batch)
        .catch((error) =>
          error.code === status.UNAVAILABLE ? other.publish('acme/orders', batch) : Promise.reject(error),
        )
      for (const { outcome } of results) if (outcome.case !== 'receipt') failures.push(outcome.value)
    }
  }
  const workers = [0, 1, 2, 3].map((worker) => load(worker).catch((error) => failures.push(error)))
  await acks.until((messages) => messages.length > 50)
  const exit = child.stop('SIGTERM')
  const error = await acks.ended()
  expect(error?.code).toBe(status.UNAVAILABLE)
  expect(Number(error?.metadata.get('retry-after-ms')[0])).toBeGreaterThan(0)
  expect((await subscription.received.ended())?.code).toBe(status.UNAVAILABLE)
  expect(await exit).toBe(0)
  running = false
  await Promise.all(workers)
  expect(failures).toEqual([])
  expect(calls).toBeGreaterThan(10)
  expect(child.log.find(({ msg }) => msg === 'drained')).toMatchObject({ outcome: 'idle' })
  // What was acknowledged is there: every event of every acknowledged batch is a duplicate now.
  const last = acks.messages.at(-1)?.batchId ?? 0n
  const { results } = await other.publish('acme/orders', [event(`drain-${last}-0`), event(`drain-${last}-19`)])
  expect(results.map(({ outcome }) => outcome.case === 'receipt' && outcome.value.duplicate)).toEqual([true, true])
}, 30_000)

// The story: while NATS was away a pull read from the store, and the end of the gateway waited for the pull before it
// looked at its grace at all.
test('SIGTERM while the store hangs: the process ends within its grace', async () => {
  await using alone = await startFixture()
  await using child = await startChild(alone, { LANDBRIDGE_DRAIN_SECONDS: '2' })
  const client = await alone.client({ endpoint: child.grpc })
  await client.publish('acme/orders', [event('before')])
  alone.nats.pause()
  const hanging = client.publish('acme/orders', [event('hangs')]).catch(() => undefined)
  const stoppedAt = performance.now()
  expect(await child.stop('SIGTERM')).toBe(0)
  // The grace, a second to close what is left, and room for a busy machine.
  expect(performance.now() - stoppedAt).toBeLessThan(6_000)
  expect(child.log.find(({ msg }) => msg === 'drained')).toMatchObject({ outcome: 'grace is over' })
  await hanging
  alone.nats.resume()
}, 60_000)

test('a wrong environment is refused with every problem at once', async () => {
  const main = join(import.meta.dirname, '../../gateway/main.ts')
  const run = promisify(execFile)
  const failed = await run(process.execPath, [main], { env: { LANDBRIDGE_REGION: 'No Region' } }).catch(
    (error) => error,
  )
  expect(failed.code).toBe(2)
  for (const name of ['LANDBRIDGE_REGION', 'LANDBRIDGE_NATS_SERVERS', 'LANDBRIDGE_TLS_CERT', 'LANDBRIDGE_TLS_KEY']) {
    expect(failed.stderr).toContain(name)
  }
  const { stdout } = await run(process.execPath, [main, '--help'])
  expect(stdout).toContain('LANDBRIDGE_JWKS_URL')
})
