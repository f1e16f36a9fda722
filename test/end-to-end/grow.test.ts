import { setTimeout as pause } from 'node:timers/promises'
import { connect, type Mesh } from '@landbridge/client'
import { parseSubject, scanAttributes, unwrap } from '@landbridge/core'
import {
  type AcknowledgedEvent,
  auditStreams,
  type Lab,
  type LabRegion,
  readStreams,
  type StoredEvent,
  startLab,
  visitStream,
} from '@landbridge/lab'
import { NatsSession } from '@landbridge/nats'
import { expect, test, vi } from 'vitest'
import { documents, topic } from './mesh.ts'

const KEYS = 40
const EVENTS_A_PHASE = 500
/** Nothing fails here: a machine that is slow is waited for, and no event goes another way meanwhile. */
const PATIENT = { ackTimeoutMs: 60_000, timeoutMs: 120_000 }
const PATIENT_GATEWAYS = { LANDBRIDGE_PUBLISH_TIMEOUT_MS: '9000' }
const patient = (partitions: number) => documents(partitions).replace(' }\n---', ', failover: none }\n---')
const settled = { timeout: 90_000, interval: 50 }

/** A service that knows one region only, so that its events have one origin. */
function connectOnly(lab: Lab, { name, endpoints }: LabRegion): Mesh {
  return connect({
    endpoints: endpoints.map((address) => ({ address, region: name })),
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: `service-${name}` }),
    source: `urn:service:${name}`,
  })
}

/** Publishes events of all keys in turn, each key counted by itself, until `signal` aborts and all have an outcome. */
async function publishKeys(mesh: Mesh, signal: AbortSignal, onAcknowledged: (id: string) => void): Promise<void> {
  const stream = mesh.publishStream(topic, { queueEvents: 500, ...PATIENT })
  for (let count = 0; !signal.aborted; count++) {
    const [id, key, sequence] = [`e-${count}`, `k-${count % KEYS}`, `${Math.floor(count / KEYS)}`]
    const sent = await stream.send({ id, type: 't', partitionKey: key, extensions: { sequence }, data: 'x' })
    // What fails is thrown by close().
    sent.acknowledged.then(
      () => onAcknowledged(id),
      () => {},
    )
    // Several batches are on their way at any time.
    if (count % 50 === 0) await pause(1)
  }
  await stream.close()
}

/** What a group's only member is given, in that order; settles all of it. */
async function readGroup(mesh: Mesh, events: StoredEvent[], signal: AbortSignal): Promise<void> {
  const deliveries = mesh.subscribe(topic, { group: 'billing', from: 'earliest', ackWaitMs: 120_000, signal })
  for await (const delivery of deliveries) {
    const { source, id, partitionKey, extensions } = delivery.event
    const origin = extensions.get('lborigin') ?? ''
    const counter = Number(extensions.get('sequence'))
    events.push({ identity: `${source} ${id}`, origin, key: `${source} ${partitionKey}`, counter })
    void delivery.ack()
  }
}

/** Origin and key -> the partitions of its events in a region's stream, each change of them one more. */
async function partitionsByKey({ natsUrls }: LabRegion): Promise<Readonly<Record<string, readonly number[]>>> {
  await using session = await NatsSession.connect({ servers: [...natsUrls], name: 'grow-test' })
  const found: Record<string, number[]> = {}
  await visitStream(session, topic, ({ subject, payload }) => {
    const { origin, partition } = unwrap(parseSubject(subject))
    if (partition === undefined) return
    const name = `${origin} ${scanAttributes(payload).get('partitionkey')}`
    found[name] ??= []
    if (found[name].at(-1) !== partition) found[name].push(partition)
  })
  return found
}

// The story: the definition of the resource said that a group works off the old partition of a key first. Nothing does that;
// the order is kept because every partition lies in the same stream, and everybody reads all of it.
test('keys keep their order in both regions while their topic grows from 2 to 7 partitions under them', {
  timeout: 400_000,
}, async () => {
  await using lab = await startLab({
    regions: ['us-east', 'eu-west'],
    documents: patient(2),
    gatewayEnv: PATIENT_GATEWAYS,
  })
  await using meshes = new AsyncDisposableStack()
  const acknowledged = new Map<string, AcknowledgedEvent[]>()
  const [stop, enough] = [new AbortController(), new AbortController()]
  const work = lab.regions.map((region) => {
    const mesh = meshes.use(connectOnly(lab, region))
    const mine: AcknowledgedEvent[] = []
    acknowledged.set(region.name, mine)
    const events: StoredEvent[] = []
    const identity = (id: string) => `urn:service:${region.name} ${id}`
    const publishing = publishKeys(mesh, stop.signal, (id) => mine.push({ topic, identity: identity(id) }))
    return { region, events, publishing, reading: readGroup(mesh, events, enough.signal) }
  })
  meshes.defer(async () => {
    stop.abort()
    enough.abort()
    await Promise.allSettled(work.flatMap(({ publishing, reading }) => [publishing, reading]))
  })
  const more = async () => {
    const wanted = new Map([...acknowledged].map(([name, events]) => [name, events.length + EVENTS_A_PHASE]))
    await vi.waitFor(() => {
      for (const [name, events] of acknowledged) expect(events.length).toBeGreaterThan(wanted.get(name) ?? 0)
    }, settled)
  }
  await more()
  // For a while the regions have different numbers.
  await lab.apply(patient(7), { region: 'eu-west' })
  await more()
  await lab.apply(patient(7), { region: 'us-east' })
  await more()
  stop.abort()
  await Promise.all(work.map(({ publishing }) => publishing))
  const all = [...acknowledged.values()].flat()
  for (const { region, events } of work) {
    await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(all.length), settled)
    await vi.waitFor(
      async () => expect((await readStreams(region, [topic]))[0]?.events.length).toBeGreaterThanOrEqual(all.length),
      settled,
    )
  }
  enough.abort()
  await Promise.all(work.map(({ reading }) => reading))

  const nothingWrong = { orderViolations: 0, missing: 0, duplicates: 0, differing: 0, examples: [] }
  const stored = (await Promise.all(lab.regions.map((region) => readStreams(region, [topic])))).flat()
  expect(auditStreams(stored, all)).toMatchObject(nothingWrong)
  const delivered = work.map(({ region, events }) => ({ region: region.name, topic, events }))
  expect(auditStreams(delivered, all)).toMatchObject(nothingWrong)

  const [here, there] = await Promise.all(lab.regions.map(partitionsByKey))
  // An event has the partition that its origin gave it, in every region.
  expect(there).toEqual(here)
  const lanes = Object.values(here ?? {})
  expect(lanes).toHaveLength(2 * KEYS)
  for (const [before, after, ...further] of lanes) {
    expect(before).toBeLessThan(2)
    expect(further).toEqual([])
    if (after !== undefined) expect(after).toBeLessThan(7)
  }
  expect(new Set(lanes.flat()).size).toBe(7)
  expect(lanes.filter(({ length }) => length === 2).length).toBeGreaterThan(KEYS)
})
