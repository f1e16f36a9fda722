import { expect, test } from 'vitest'
import { startCollector } from '../collector.ts'
import { event } from './client.ts'
import { startFixture } from './fixture.ts'
import { TestSubscription } from './stream.ts'

test('one trace leads from publish over store to delivery', async () => {
  await using collector = await startCollector()
  await using fixture = await startFixture({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
  const client = await fixture.client()
  const subscription = await new TestSubscription(client.subscribe()).start({})
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`
  const attribute = (value: string) => ({ attr: { case: 'ceString' as const, value } })
  await client.publish('acme/orders', [
    event('traced', { attributes: { traceparent: attribute(traceparent) } }),
    event('not-sampled', { attributes: { traceparent: attribute(traceparent.replace(/01$/, '00')) } }),
    event('untraced'),
  ])
  const deliveries = await subscription.delivered(3)
  const contexts = deliveries.map(({ event: delivered }) => delivered?.attributes.traceparent?.attr.value)
  // What an event brings is never changed; one that brings nothing gets a trace of its own.
  expect(contexts[0]).toBe(traceparent)
  expect(contexts[1]).toBe(traceparent.replace(/01$/, '00'))
  expect(contexts[2]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  await fixture.gateway.close()

  const sent = collector.received()
  for (const name of ['send acme/orders', 'store lb_acme_orders', 'deliver acme/orders', 'landbridge-gateway']) {
    expect(sent.includes(name), name).toBe(true)
  }
  const count = (bytes: Buffer) => sent.toString('latin1').split(bytes.toString('latin1')).length - 1
  expect(count(Buffer.from(traceId, 'hex'))).toBe(3)
  const own = String(contexts[2]).split('-')[1] ?? ''
  expect(count(Buffer.from(own, 'hex'))).toBe(3)
  expect(sent.includes('not-sampled')).toBe(false)
})
