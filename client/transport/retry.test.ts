import { createServer } from 'node:net'
import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { connect } from '../index.ts'
import { connectTo } from '../testing/connect.ts'
import { TestGateway } from '../testing/test-gateway.ts'

// Times are bounds with much room: an operation would otherwise take its 60 s.
const LIMITS = { timeoutMs: 60_000, reachTimeoutMs: 300 }

async function failureOf(call: Promise<unknown>): Promise<{ readonly error: MeshError; readonly tookMs: number }> {
  const begun = performance.now()
  const error = await call.then(
    () => new MeshError('internal', 'it did not fail'),
    (thrown: unknown) => MeshError.from(thrown),
  )
  return { error, tookMs: performance.now() - begun }
}

test('where nobody listens it ends after the time to reach somebody', async () => {
  await using gone = await TestGateway.start('east')
  gone.stop()
  await using mesh = await connectTo([gone], LIMITS)
  const { error, tookMs } = await failureOf(mesh.topics.get('acme/orders'))
  expect(error).toMatchObject({ code: 'unavailable', ambiguous: false })
  expect(error.message).toMatch(/^get topic acme\/orders: no connection: connect ECONNREFUSED/)
  expect(tookMs).toBeLessThan(20_000)
})

test('where somebody listens and says nothing it ends after that time, too', async () => {
  const silent = createServer(() => {}).listen(0, 'localhost')
  await new Promise((resolve) => silent.once('listening', resolve))
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const mesh = connect({ endpoints: [`localhost:${port}`], ...LIMITS })
  const { error, tookMs } = await failureOf(mesh.topics.get('acme/orders'))
  expect(error.message).toMatch(/: no connection/)
  expect(tookMs).toBeLessThan(20_000)
  await mesh.close()
  silent.close()
})

test('certificates that are not trusted are told at once', async () => {
  await using east = await TestGateway.start('east')
  await using mesh = await connectTo([east], { ...LIMITS, tls: {}, reachTimeoutMs: 50_000 })
  const { error, tookMs } = await failureOf(mesh.topics.get('acme/orders'))
  expect(error.message).toBe('get topic acme/orders: no connection: self-signed certificate')
  expect(tookMs).toBeLessThan(20_000)
})

test('once a gateway was reached it goes on for the whole time', async () => {
  await using east = await TestGateway.start('east')
  const reachTimeoutMs = 1_500
  const begun = performance.now()
  east.beforePublish = async () => {
    if (performance.now() - begun < reachTimeoutMs + 100) throw new MeshError('unavailable', 'not now')
  }
  await using mesh = await connectTo([east], { ...LIMITS, reachTimeoutMs })
  const [receipt] = await mesh.publish('acme/orders', [{ type: 'test' }])
  expect(receipt?.region).toBe('east')
})
