import { connect } from '@landbridge/client'
import { clockOffset, startLab } from '@landbridge/lab'
import { expect, test, vi } from 'vitest'
import { auditMesh, connectFrom, documents, publishUntil, topic } from './mesh.ts'

const settled = { timeout: 40_000, interval: 200 }
const clean = { missing: 0, duplicates: 0, orderViolations: 0, differing: 0 }

// A gateway stamped, marked and refused by its own machine's clock: half a minute ahead it refused every attempt as
// late and every token as expired, and marks did not cover the time in which copies had been stored.
test('gateways whose clocks are half a minute wrong, either way, do no harm', { timeout: 120_000 }, async () => {
  const offsets = [30_000, -30_000]
  await using lab = await startLab({
    regions: ['us-east', 'eu-west'],
    gateways: 2,
    documents: documents(2),
    gatewayEnv: (_region, index) => clockOffset(offsets[index] ?? 0),
  })
  // Fresh at issue, and good for less than the clocks are wrong.
  const token = () => lab.token({ subject: 'service-a', expiresInSeconds: 20 })
  for (const { name, endpoints } of lab.regions) {
    for (const [index, address] of endpoints.entries()) {
      await using mesh = connect({
        endpoints: [{ address, region: name }],
        tls: { ca: lab.caFile },
        token,
        source: 'urn:a',
      })
      const beforeMs = Date.now()
      await mesh.publish(topic, { id: `${name}-${index}`, type: 't', partitionKey: 'k', extensions: { sequence: '1' } })
      const afterMs = Date.now()
      for await (const { event } of mesh.subscribe(topic, { from: 'earliest' })) {
        if (event.id !== `${name}-${index}`) continue
        const recordedMs = Date.parse(`${event.extensions?.get('recordedtime')}`)
        expect(recordedMs).toBeGreaterThan(beforeMs - 1_000)
        expect(recordedMs).toBeLessThan(afterMs + 1_000)
        break
      }
    }
  }
  const text = await (await fetch(`${lab.region('us-east').httpEndpoints[0]}/metrics`)).text()
  const ahead = Number(/^landbridge_clock_ahead_seconds (\S+)/m.exec(text)?.[1])
  expect(ahead).toBeGreaterThan(29)
  expect(ahead).toBeLessThan(31)

  // Retries elsewhere are marked by these clocks, and copies are found by the marks.
  const stop = new AbortController()
  await using mesh = connectFrom(lab, 'us-east')
  const publishing = publishUntil(mesh, 'us-east', stop.signal)
  const east = lab.region('us-east')
  for (const index of [0, 1]) {
    await east.kill('gateway', { index })
    await east.start('gateway', { index })
  }
  await east.kill('all')
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  await east.start('all')
  stop.abort()
  const acknowledged = await publishing
  expect(acknowledged.length).toBeGreaterThan(20)
  await vi.waitFor(async () => expect(await auditMesh(lab, acknowledged)).toMatchObject(clean), settled)
})
