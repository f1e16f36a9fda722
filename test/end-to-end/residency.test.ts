import { connect, type EventInput, type Mesh } from '@landbridge/client'
import { type Lab, readStreams, startLab } from '@landbridge/lab'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

const TOPIC = 'acme/orders'
/** For two of the regions only. */
const LEDGER = 'acme/ledger'

const documents = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec:
  partitions: 2
  replication:
    filter: event.type != "internal"
    masks:
      - { path: data.customer.email, action: hash }
      - { path: 'data.cards[*].number', action: redact }
    classifications:
      - { classification: pii, regions: [eu-west, eu-north] }
      - { classification: public, regions: ['*'] }
---
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: ledger }
spec: { replication: { regions: [eu-west, eu-north] } }
---
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: services }
spec:
  principals: [{ subject: 'service-*' }]
  topics: ['*']
  operations: [publish, subscribe]
`

const settled = { timeout: 30_000, interval: 100 }

/** A service that knows one region only, and whatever its subscriber was shown: id to text. */
class Service implements AsyncDisposable {
  readonly mesh: Mesh
  readonly shown = new Map<string, string>()
  readonly repeated: string[] = []
  readonly #stop = new AbortController()
  readonly #reading: Promise<void>

  constructor(lab: Lab, region: string) {
    this.mesh = connect({
      endpoints: lab.region(region).endpoints.map((address) => ({ address, region })),
      tls: { ca: lab.caFile },
      token: () => lab.token({ subject: `service-${region}` }),
      source: `urn:service:${region}`,
    })
    this.#reading = this.#read()
  }

  async publish(id: string, event: Partial<EventInput> = {}): Promise<void> {
    await this.publishTo(TOPIC, id, event)
  }

  async publishTo(topic: string, id: string, event: Partial<EventInput> = {}): Promise<void> {
    await this.mesh.publish(topic, { id, type: 'order', partitionKey: 'k', data: { id }, ...event })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#reading
    await this.mesh.close()
  }

  async #read(): Promise<void> {
    const { signal } = this.#stop
    try {
      for await (const { event } of this.mesh.subscribe(TOPIC, { from: 'earliest', signal })) {
        if (this.shown.has(event.id)) this.repeated.push(event.id)
        this.shown.set(event.id, event.text())
      }
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
  }
}

const pii = { extensions: { dataclassification: 'pii' } }

describe('a topic whose events do not all leave their region', { timeout: 120_000 }, () => {
  let lab: Lab
  let services: AsyncDisposableStack
  let west: Service
  let north: Service
  let east: Service

  beforeAll(async () => {
    lab = await startLab({ regions: ['eu-west', 'eu-north', 'us-east'], documents })
    services = new AsyncDisposableStack()
    west = services.use(new Service(lab, 'eu-west'))
    north = services.use(new Service(lab, 'eu-north'))
    east = services.use(new Service(lab, 'us-east'))
  }, 60_000)
  afterAll(async () => {
    await services?.disposeAsync()
    await lab?.close()
  })

  /** An administrator of one region. */
  const adminOf = (region: string) =>
    connect({
      endpoints: [lab.region(region).endpoints[0] ?? ''],
      tls: { ca: lab.caFile },
      token: () => lab.adminToken(),
    })

  test('each region gets what it may have, masked', async () => {
    const full = { customer: { email: 'a@example.com', name: 'A' }, cards: [{ number: '4111', brand: 'x' }] }
    await west.publish('full', { data: full })
    await west.publish('internal', { type: 'internal' })
    await west.publish('pii', { data: full, ...pii })
    await west.publish('unreadable', { data: 'a@example.com', dataContentType: 'text/plain' })
    await west.publish('last', { extensions: { dataclassification: 'public' } })
    for (const service of [west, north, east]) {
      await vi.waitFor(() => expect(service.shown.has('last')).toBe(true), settled)
    }
    expect([...west.shown.keys()]).toEqual(['full', 'internal', 'pii', 'unreadable', 'last'])
    expect([...north.shown.keys()]).toEqual(['full', 'pii', 'last'])
    expect([...east.shown.keys()]).toEqual(['full', 'last'])
    expect(west.shown.get('full')).toBe(JSON.stringify(full))
    const email = expect.stringMatching(/^sha256:[0-9a-f]{64}$/)
    const masked = { customer: { email, name: 'A' }, cards: [{ number: '[redacted]', brand: 'x' }] }
    expect(JSON.parse(east.shown.get('full') ?? '')).toEqual(masked)
    expect(north.shown.get('pii')).toEqual(east.shown.get('full'))
  })

  test('a topic for two regions is in both of them, and no event of it in the third', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => `${index}`)
    for (const id of numbers) await Promise.all([west, north].map((service) => service.publishTo(LEDGER, id)))
    const all = ['north', 'west'].flatMap((name) => numbers.map((id) => `urn:service:eu-${name} ${id}`)).sort()
    const heldIn = async (name: string) => {
      const streams = await readStreams(lab.region(name), [LEDGER])
      return streams.flatMap(({ events }) => events.map(({ identity }) => identity)).sort()
    }
    for (const name of ['eu-west', 'eu-north']) {
      await vi.waitFor(async () => expect(await heldIn(name)).toEqual(all), settled)
    }
    // Whatever they would send of it is not behind what they sent later.
    await Promise.all([west.publish('behind-west'), north.publish('behind-north')])
    await vi.waitFor(
      () => expect([...east.shown.keys()]).toEqual(expect.arrayContaining(['behind-west', 'behind-north'])),
      settled,
    )
    expect(await heldIn('us-east')).toEqual([])
    await using admin = adminOf('us-east')
    expect(await admin.admin.lag(LEDGER)).toEqual([])
    expect(await admin.admin.lag(TOPIC)).toHaveLength(2)
  })

  test('a region that may not hold an event refuses it, and so it refuses what has no rule', async () => {
    const refused = { code: 'failed_precondition', message: expect.stringContaining('this is us-east') }
    await expect(east.publish('x', pii)).rejects.toMatchObject(refused)
    await expect(west.publish('x', { extensions: { dataclassification: 'secret' } })).rejects.toMatchObject({
      code: 'failed_precondition',
      message: expect.stringContaining('wanted one that acme/orders has a rule for'),
    })
  })

  test('positions pass over what stays: a gateway that starts again shows nothing twice and is not behind', async () => {
    for (let count = 0; count < 30; count++) await west.publish(`stays-${count}`, { type: 'internal' })
    await lab.region('us-east').kill('gateway')
    await lab.region('us-east').start('gateway')
    await west.publish('after')
    await vi.waitFor(() => expect(east.shown.has('after')).toBe(true), settled)
    await using admin = adminOf('us-east')
    await west.publish('stays-too', { type: 'internal' })
    await vi.waitFor(async () => {
      const lags = await admin.admin.lag(TOPIC)
      expect(lags.map(({ origin, known, events }) => ({ origin, known, events }))).toEqual([
        { origin: 'eu-north', known: true, events: 0 },
        { origin: 'eu-west', known: true, events: 0 },
      ])
    }, settled)
    expect([...east.repeated, ...north.repeated, ...west.repeated]).toEqual([])
  })

  test('a relay passes on what its receiver may have, and is none for what it may not have itself', async () => {
    await lab.partition('eu-west', 'us-east')
    await west.publish('through-north')
    await west.publish('pii-through-north', pii)
    await vi.waitFor(() => expect(east.shown.has('through-north')).toBe(true), settled)
    await vi.waitFor(() => expect(north.shown.has('pii-through-north')).toBe(true), settled)
    await lab.heal('eu-west', 'us-east')
    await lab.heal('us-east', 'eu-west')
    await west.publish('healed')
    await vi.waitFor(() => expect(east.shown.has('healed')).toBe(true), settled)

    await lab.partition('eu-west', 'eu-north')
    await west.publish('not-through-east')
    await west.publish('pii-not-through-east', pii)
    await vi.waitFor(() => expect(east.shown.has('not-through-east')).toBe(true), settled)
    expect(north.shown.has('pii-not-through-east')).toBe(false)
    await lab.heal('eu-west', 'eu-north')
    await lab.heal('eu-north', 'eu-west')
    await vi.waitFor(() => expect(north.shown.has('pii-not-through-east')).toBe(true), settled)
    expect([...east.shown.keys()].filter((id) => id.startsWith('pii'))).toEqual([])
    expect([...east.repeated, ...north.repeated, ...west.repeated]).toEqual([])
  })
})
