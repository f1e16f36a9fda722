import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type Mesh } from '@landbridge/client'
import { parseTopicName, streamName, unwrap } from '@landbridge/core'
import { type Lab, readStreams, startLab } from '@landbridge/lab'
import { NatsSession, Streams } from '@landbridge/nats'
import { expect, test, vi } from 'vitest'
import { documents, topic } from './mesh.ts'

const settled = { timeout: 30_000, interval: 100 }
const quorum = (fallback: 'wait' | 'degrade') =>
  documents(2).replace('partitions: 2', `partitions: 2, durability: quorum, quorumFallback: ${fallback}`)

/** A service that knows one gateway, by default of us-east, and no other. */
function connectOnly(
  lab: Lab,
  index = 0,
  { region = 'us-east', ...options }: { readonly timeoutMs?: number; readonly region?: string } = {},
): Mesh {
  const address = lab.region(region).endpoints[index] ?? ''
  return connect({
    endpoints: [{ address, region }],
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: 'service-a' }),
    source: 'urn:service:a',
    ...options,
  })
}

const event = (id: string) => ({ id, type: 'probe', partitionKey: id, extensions: { sequence: '1' } })

/** Ids of what a region holds, each as often as it is there. */
async function idsOf(lab: Lab, region: string): Promise<string[]> {
  const streams = await readStreams(lab.region(region), [topic])
  return streams.flatMap(({ events }) => events.map(({ identity }) => identity.slice('urn:service:a '.length)))
}

/** Resolves when other regions pull the topic: until then nothing can be acknowledged. */
const whenPulled = (mesh: Mesh) =>
  vi.waitFor(
    async () => expect(await mesh.publish(topic, event('first'), { timeoutMs: 2_000 })).toHaveLength(1),
    settled,
  )

test('every gateway of a region acknowledges what another region has, whichever of them that one pulls from', {
  timeout: 90_000,
}, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], gateways: 2, documents: quorum('wait') })
  for (const index of [0, 1]) {
    await using mesh = connectOnly(lab, index)
    await whenPulled(mesh)
    const begun = performance.now()
    for (let count = 1; count <= 50; count += 1) {
      const [receipt] = await mesh.publish(topic, event(`${index}-${count}`))
      expect(receipt).toMatchObject({ region: 'us-east', regions: ['us-east', 'eu-west'], degraded: false })
      if (count % 10 === 0) expect(await idsOf(lab, 'eu-west')).toContain(`${index}-${count}`)
    }
    expect((performance.now() - begun) / 50).toBeLessThan(500)
    // An event that is there already is acknowledged by the same measure.
    const again = await mesh.publish(topic, event(`${index}-7`))
    expect(again).toMatchObject([{ duplicate: true, regions: ['us-east', 'eu-west'] }])
    await using stream = mesh.publishStream(topic)
    const sent = await Promise.all(['a', 'b', 'c'].map((id) => stream.send(event(`${index}-${id}`))))
    for (const { acknowledged } of sent) {
      expect(await acknowledged).toMatchObject({ regions: ['us-east', 'eu-west'], degraded: false })
    }
  }
})

test('an event that another region stored first is held there', { timeout: 90_000 }, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: quorum('wait') })
  await using east = connectOnly(lab)
  await using west = connectOnly(lab, 0, { region: 'eu-west' })
  await whenPulled(east)
  const receipt = { region: 'eu-west', regions: ['eu-west', 'us-east'], degraded: false }
  await vi.waitFor(async () => expect(await west.publish(topic, event('w'))).toMatchObject([receipt]), settled)
  const again = await east.publish(topic, [event('w'), event('e')])
  expect(again).toMatchObject([
    { ...receipt, duplicate: true },
    { region: 'us-east', regions: ['us-east', 'eu-west'], duplicate: false },
  ])
  // Nobody can say whether it is still there.
  await lab.partition('us-east', 'eu-west')
  await expect(east.publish(topic, event('w'), { timeoutMs: 8_000 })).rejects.toMatchObject({ ambiguous: true })
})

test('an event that its origin has lost since is not acknowledged in its name, but when it is there again', {
  timeout: 120_000,
}, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: quorum('wait') })
  await using east = connectOnly(lab)
  await using west = connectOnly(lab, 0, { region: 'eu-west' })
  await whenPulled(east)
  await vi.waitFor(async () => expect(await west.publish(topic, event('w'))).toHaveLength(1), settled)
  expect(await idsOf(lab, 'us-east')).toContain('w')
  await using session = await NatsSession.connect({ servers: [...lab.region('eu-west').natsUrls], name: 'quorum-test' })
  await new Streams(session).delete(streamName(unwrap(parseTopicName(topic))))
  await lab.apply(quorum('wait'), { region: 'eu-west' })
  // In reach, and without the event: only an answer in whose moment it is there again may come.
  const receipts = await vi.waitFor(() => east.publish(topic, event('w'), { timeoutMs: 2_000 }), {
    timeout: 60_000,
    interval: 100,
  })
  expect(await idsOf(lab, 'eu-west')).toContain('w')
  expect(receipts).toMatchObject([{ regions: ['us-east', 'eu-west'], duplicate: true }])
})

test('a region that is lost for good costs nothing that was acknowledged', { timeout: 120_000 }, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], gateways: 2, documents: quorum('wait') })
  const acknowledged: string[] = []
  const publishers = await Promise.all(
    [0, 1].map(async (index) => {
      const mesh = connectOnly(lab, index, { timeoutMs: 3_000 })
      await whenPulled(mesh)
      return mesh
    }),
  )
  const publish = async (mesh: Mesh, name: string) => {
    for (let count = 0; ; count += 1) {
      const ids = [`${name}-${count}-a`, `${name}-${count}-b`]
      await mesh.publish(topic, ids.map(event))
      acknowledged.push(...ids)
    }
  }
  const running = publishers.flatMap((mesh, index) =>
    [1, 2, 3].map((worker) => publish(mesh, `${index}-${worker}`).catch(() => undefined)),
  )
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(300), settled)
  const east = lab.region('us-east')
  await Promise.all([east.kill('gateway'), east.kill('nats')])
  await rm(join(lab.stateDir, 'us-east', 'nats-0', 'store'), { recursive: true })
  await Promise.all(running)
  for (const mesh of publishers) await mesh.close()
  const held = await idsOf(lab, 'eu-west')
  expect(acknowledged.filter((id) => !held.includes(id))).toEqual([])
  expect(new Set(held).size).toBe(held.length)
})

test('while no other region is in reach: wait, or degrade and say so', { timeout: 120_000 }, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: quorum('wait') })
  await using mesh = connectOnly(lab)
  await whenPulled(mesh)
  await lab.partition('us-east', 'eu-west')
  const failure = mesh.publish(topic, event('waits'), { timeoutMs: 3_000 })
  await expect(failure).rejects.toMatchObject({ ambiguous: true })
  await lab.apply(quorum('degrade'))
  await vi.waitFor(async () => {
    const [receipt] = await mesh.publish(topic, event('alone'))
    expect(receipt).toMatchObject({ region: 'us-east', regions: ['us-east'], degraded: true })
  }, settled)
  await using stream = mesh.publishStream(topic)
  expect(await (await stream.send(event('streamed'))).acknowledged).toMatchObject({ degraded: true })
  await lab.healAll()
  // The one that was given up is there, too, once.
  await vi.waitFor(async () => {
    const [receipt] = await mesh.publish(topic, event('waits'))
    expect(receipt).toMatchObject({ duplicate: true, regions: ['us-east', 'eu-west'], degraded: false })
  }, settled)
  expect((await idsOf(lab, 'eu-west')).sort()).toEqual(['alone', 'first', 'streamed', 'waits'])
})
