import { connect, type Mesh } from '@landbridge/client'
import { type Lab, type LabRegion, Link, type LinkMode, PortReservation, readStreams, startLab } from '@landbridge/lab'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { documents, topic } from './mesh.ts'

/** The smallest window, and an outage that outlives it. */
const WINDOW_MS = 30_000
const OUTAGE_MS = 40_000
const settled = { timeout: 40_000, interval: 200 }

const withWindow = (more = '') => documents(1).replace('partitions: 1', `partitions: 1, duplicateWindow: 30s${more}`)
const event = (id: string) => ({ id, type: 'probe', partitionKey: 'one', extensions: { sequence: '1' } })

function connectTo(lab: Lab, endpoints: readonly { address: string; region: string }[]): Mesh {
  return connect({
    endpoints,
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: 'service-a' }),
    source: 'urn:service:a',
    timeoutMs: OUTAGE_MS + 60_000,
  })
}

const endpoint = ({ name, endpoints }: LabRegion) => ({ address: endpoints[0] ?? '', region: name })

/** Ids in a region's stream, in its order, with their origins. */
async function storedIn(region: LabRegion): Promise<string[]> {
  const streams = await readStreams(region, [topic])
  return streams.flatMap(({ events }) =>
    events.map(({ identity, origin }) => `${identity.slice('urn:service:a '.length)} of ${origin}`),
  )
}

/** Resolves `ms` after `since`; both are what the window is measured by. */
const elapsed = (since: number, ms: number) =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, since + ms - performance.now())))

/** A client's own way to a region, which can be cut. */
async function openWay(region: LabRegion) {
  await using opening = new AsyncDisposableStack()
  const ports = opening.use(new PortReservation())
  const link = opening.use(await Link.open(await ports.take(), Number(region.endpoints[0]?.split(':').at(-1))))
  const opened = opening.move()
  return {
    endpoint: { address: `localhost:${link.port}`, region: region.name },
    setMode: (mode: LinkMode) => link.setMode(mode),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

describe('events that are stored at once and acknowledged when another region has them', { timeout: 150_000 }, () => {
  let lab: Lab
  beforeAll(async () => {
    const quorum = withWindow(', durability: quorum, quorumFallback: wait')
    lab = await startLab({ regions: ['us-east', 'eu-west'], documents: quorum })
  }, 60_000)
  afterAll(() => lab?.close())

  test('one whose fate is unknown for longer than the window is stored once, in its own region', async () => {
    const east = lab.region('us-east')
    await using mesh = connectTo(lab, [endpoint(east)])
    await using stream = mesh.publishStream(topic)
    await vi.waitFor(() => mesh.publish(topic, event('0'), { timeoutMs: 2_000 }), settled)
    await lab.partition('us-east', 'eu-west')
    const begunAt = performance.now()
    // Stored at once, and not acknowledged: no other region can have them.
    const called = mesh.publish(topic, event('a'))
    const streamed = await stream.send(event('b'))
    await vi.waitFor(async () => expect(await storedIn(east)).toHaveLength(3), settled)
    await elapsed(begunAt, OUTAGE_MS)
    await lab.healAll()
    expect(await called).toMatchObject([{ region: 'us-east', duplicate: true, regions: ['us-east', 'eu-west'] }])
    expect(await streamed.acknowledged).toMatchObject({ region: 'us-east', regions: ['us-east', 'eu-west'] })
    expect(performance.now() - begunAt).toBeGreaterThan(WINDOW_MS)
    for (const region of lab.regions) {
      expect((await storedIn(region)).sort()).toEqual(['0 of us-east', 'a of us-east', 'b of us-east'])
    }
  })

  test('one whose answer is lost at home and elsewhere is finished at home, and shows once in every region', async () => {
    const [east, west] = [lab.region('us-east'), lab.region('eu-west')]
    await using eastward = await openWay(east)
    await using westward = await openWay(west)
    await using mesh = connectTo(lab, [eastward.endpoint, westward.endpoint])
    await using stream = mesh.publishStream(topic)
    const isOurs = (text: string) => /^[c-f] /.test(text)
    const oursIn = async (region: LabRegion) => (await storedIn(region)).filter(isOurs).sort()
    // Neither region answers before it hears of the other, nor knows what the other one stored.
    await lab.partition('us-east', 'eu-west')
    const called = mesh.publish(topic, event('c'))
    const streamed = await stream.send(event('d'))
    await vi.waitFor(async () => expect(await oursIn(east)).toEqual(['c of us-east', 'd of us-east']), settled)
    await eastward.setMode('refused')
    await vi.waitFor(async () => expect(await oursIn(west)).toEqual(['c of eu-west', 'd of eu-west']), settled)
    await westward.setMode('refused')
    await eastward.setMode('open')
    await lab.healAll()
    expect(await called).toMatchObject([{ region: 'us-east', duplicate: true, regions: ['us-east', 'eu-west'] }])
    expect(await streamed.acknowledged).toMatchObject({ region: 'us-east', regions: ['us-east', 'eu-west'] })
    // Acknowledged is what both have: by then each had taken, or passed over, all that the other stored before.
    await using there = connectTo(lab, [endpoint(west)])
    await mesh.publish(topic, event('e'))
    await there.publish(topic, event('f'))
    expect(await oursIn(east)).toEqual(['c of us-east', 'd of us-east', 'e of us-east', 'f of eu-west'])
    expect(await oursIn(west)).toEqual(['c of eu-west', 'd of eu-west', 'e of us-east', 'f of eu-west'])
  })
})

test('an event that went elsewhere after an outage that outlives the window shows once in every region', {
  timeout: 150_000,
}, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: withWindow() })
  const [east, west] = [lab.region('us-east'), lab.region('eu-west')]
  await using eastward = await openWay(east)
  await using westward = await openWay(west)
  await using mesh = connectTo(lab, [eastward.endpoint, westward.endpoint])
  await using stream = mesh.publishStream(topic)
  await (await stream.send(event('0'))).acknowledged
  await mesh.publish(topic, event('1'))
  await vi.waitFor(async () => expect(await storedIn(west)).toHaveLength(2), settled)
  // Both attempts are stored by us-east, and their answers are lost: its store answers after the link is gone.
  await lab.partition('us-east', 'eu-west')
  await westward.setMode('refused')
  await east.pause('nats')
  const begunAt = performance.now()
  const called = mesh.publish(topic, event('a'))
  const streamed = await stream.send(event('b'))
  await elapsed(begunAt, 700)
  await eastward.setMode('refused')
  await east.resume('nats')
  await vi.waitFor(async () => expect(await storedIn(east)).toHaveLength(4), settled)
  await elapsed(begunAt, OUTAGE_MS)
  await westward.setMode('open')
  expect(await called).toMatchObject([{ region: 'eu-west' }])
  expect(await streamed.acknowledged).toMatchObject({ region: 'eu-west' })
  // Home again: what is published now goes there, and the copies meet.
  await eastward.setMode('open')
  await lab.healAll()
  await vi.waitFor(
    async () => expect(await mesh.publish(topic, event('2'))).toMatchObject([{ region: 'us-east' }]),
    settled,
  )
  for (const region of lab.regions) {
    await vi.waitFor(async () => {
      const ids = (await storedIn(region)).map((text) => text.split(' ')[0])
      expect(ids.sort()).toEqual(['0', '1', '2', 'a', 'b'])
    }, settled)
  }
})
