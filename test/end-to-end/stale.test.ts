import { connect } from '@landbridge/client'
import { type Lab, type LabRegion, readStreams, startLab } from '@landbridge/lab'
import { expect, test, vi } from 'vitest'
import { documents, topic } from './mesh.ts'

/** Longer than an attempt may travel. */
const PAUSE_MS = 16_000

const event = (id: string) => ({ id, type: 'probe', partitionKey: 'one', extensions: { sequence: '1' } })

function connectTo(lab: Lab, endpoints: readonly { address: string | undefined; region: string }[]) {
  return connect({
    endpoints: endpoints.map(({ address = '', region }) => ({ address, region })),
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: 'service-a' }),
    source: 'urn:service:a',
  })
}

const gateway = ({ name, endpoints }: LabRegion, index: number) => ({ address: endpoints[index], region: name })

async function refusedLate(region: LabRegion): Promise<number> {
  const response = await fetch(`${region.httpEndpoints[0]}/metrics`)
  const [, count = '0'] = /^landbridge_refusals_total\{reason="late"\} (\d+)/m.exec(await response.text()) ?? []
  return Number(count)
}

/** How often each id is in a region's stream. */
async function countsOf(region: LabRegion): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { events } of await readStreams(region, [topic])) {
    for (const { identity } of events) counts[identity] = (counts[identity] ?? 0) + 1
  }
  return counts
}

// Attempts lay in the receive buffer of a gateway that was stopped, until the servers had forgotten the ids of their
// events: it stored them then, unmarked, although the client had them stored elsewhere long ago.
test('what reaches a gateway late is not stored', { timeout: 120_000 }, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], gateways: 2, documents: documents(1) })
  const east = lab.region('us-east')
  const west = lab.region('eu-west')
  await using abroad = connectTo(lab, [gateway(east, 0), gateway(west, 0)])
  await using athome = connectTo(lab, [gateway(east, 0), gateway(east, 1)])
  await using stream = abroad.publishStream(topic)
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  expect(await abroad.publish(topic, event('a'))).toMatchObject([{ region: 'us-east' }])
  expect(await athome.publish(topic, event('b'))).toMatchObject([{ region: 'us-east' }])
  expect(await (await stream.send(event('c'))).acknowledged).toMatchObject({ region: 'us-east' })

  await east.pause('gateway', { index: 0 })
  const pausedAt = performance.now()
  const streamed = await stream.send(event('d'))
  expect(await abroad.publish(topic, event('e'))).toMatchObject([{ region: 'eu-west' }])
  expect(await athome.publish(topic, event('f'))).toMatchObject([{ region: 'us-east' }])
  expect(await streamed.acknowledged).toMatchObject({ region: 'eu-west' })
  await new Promise((resolve) => setTimeout(resolve, pausedAt + PAUSE_MS - performance.now()))
  await east.resume('gateway', { index: 0 })

  await vi.waitFor(async () => expect(await refusedLate(east)).toBeGreaterThanOrEqual(2), { timeout: 20_000 })
  const once = Object.fromEntries(ids.map((id) => [`urn:service:a ${id}`, 1]))
  for (const region of [east, west]) {
    await vi.waitFor(async () => expect(await countsOf(region)).toEqual(once), { timeout: 30_000, interval: 200 })
  }
})

test('a client whose clock is an hour wrong publishes after one refusal', { timeout: 60_000 }, async () => {
  await using lab = await startLab({ regions: ['us-east'], documents: documents(1) })
  const east = lab.region('us-east')
  // Made by the right clock.
  const token = await lab.token({ subject: 'service-a' })
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + 3_600_000)
  try {
    await using mesh = connect({
      endpoints: east.endpoints.map((address) => ({ address })),
      tls: { ca: lab.caFile },
      token,
      source: 'urn:service:a',
    })
    for (const id of ['a', 'b', 'c']) expect(await mesh.publish(topic, event(id))).toHaveLength(1)
    await using stream = mesh.publishStream(topic)
    await (await stream.send(event('d'))).acknowledged
  } finally {
    clock.mockRestore()
  }
  expect(await refusedLate(east)).toBe(1)
})
