import { expect, test } from 'vitest'
import { makeCertificate, testCertificate } from '../testing/certificate.ts'
import { connectTo } from '../testing/connect.ts'
import { TestGateway } from '../testing/test-gateway.ts'

const TOPIC = 'acme/orders'
const event = { type: 'test' }

test('an endpoint that is an IP address works with a certificate of that address', async () => {
  const certificate = await makeCertificate({ type: 'ip', value: '127.0.0.1' })
  await using east = await TestGateway.start('east', { certificate })
  const endpoints = [`127.0.0.1:${east.port}`]
  await using mesh = await connectTo([], { endpoints, tls: { ca: certificate.cert } })
  expect((await mesh.publish(TOPIC, event))[0]?.region).toBe('east')
})

test('an endpoint that is an IP address wants a certificate of that address, or the name that it has', async () => {
  const { cert } = await testCertificate()
  await using east = await TestGateway.start('east')
  const address = `127.0.0.1:${east.port}`
  await using strict = await connectTo([], { endpoints: [address] })
  const publishing = strict.publish(TOPIC, event, { timeoutMs: 500 })
  await expect(publishing).rejects.toMatchObject({ ambiguous: false })
  await expect(publishing).rejects.toThrow("IP: 127.0.0.1 is not in the cert's list")
  await using named = await connectTo([], { endpoints: [{ address, serverName: 'localhost' }] })
  expect((await named.publish(TOPIC, event))[0]?.region).toBe('east')
  await using allNamed = await connectTo([], { endpoints: [address], tls: { ca: cert, serverName: 'localhost' } })
  expect((await allNamed.publish(TOPIC, event))[0]?.region).toBe('east')
})
