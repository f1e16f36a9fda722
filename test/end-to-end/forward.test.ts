import { connect, type Mesh } from '@landbridge/client'
import { type AcknowledgedEvent, type Lab, startLab } from '@landbridge/lab'
import { expect, test, vi } from 'vitest'
import { BUSY_MS } from '../busy.ts'
import { auditMesh, documents, topic } from './mesh.ts'

/** The goal for the longest time without an acknowledgement when a region's NATS dies; `make bench` measures it. */
const PUBLISH_GAP_MS = 2_000
const settled = { timeout: 40_000, interval: 200 }
const clean = { missing: 0, duplicates: 0, orderViolations: 0, differing: 0 }

/** A service that knows us-east only: whatever goes elsewhere, the gateway took there. */
function connectOnly(lab: Lab): Mesh {
  return connect({
    endpoints: lab.region('us-east').endpoints.map((address) => ({ address, region: 'us-east' })),
    tls: { ca: lab.caFile },
    token: () => lab.token({ subject: 'service-a' }),
    source: 'urn:service:a',
  })
}

const event = (id: number) => ({ id: `${id}`, type: 'probe', partitionKey: 'one', extensions: { sequence: `${id}` } })
const identity = (id: number): AcknowledgedEvent => ({ topic, identity: `urn:service:a ${id}` })

/** Publishes one event after the other and notes where each was stored, and the longest time without an answer. */
class Publishing {
  readonly regions: string[] = []
  readonly acknowledged: AcknowledgedEvent[] = []
  longestMs = 0
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(mesh: Mesh) {
    this.#running = this.#run(mesh)
  }

  /** Resolves when events were stored in that region from now on. */
  async whenIn(region: string): Promise<void> {
    const from = this.regions.length
    await vi.waitFor(() => expect(this.regions.slice(from)).toContain(region), settled)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(mesh: Mesh): Promise<void> {
    let lastMs = performance.now()
    for (let id = 1; !this.#stop.signal.aborted; id += 1) {
      const [receipt] = await mesh.publish(topic, event(id))
      this.acknowledged.push(identity(id))
      this.regions.push(receipt?.region ?? '')
      this.longestMs = Math.max(this.longestMs, performance.now() - lastMs)
      lastMs = performance.now()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

test.each(['killed', 'paused'] as const)(
  'a region whose NATS is %s publishes through another one, and comes back',
  {
    timeout: 120_000,
  },
  async (how) => {
    await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: documents(2) })
    await using mesh = connectOnly(lab)
    const east = lab.region('us-east')
    const publishing = new Publishing(mesh)
    await publishing.whenIn('us-east')
    if (how === 'killed') await east.kill('nats')
    else await east.pause('nats')
    await publishing.whenIn('eu-west')
    if (how === 'killed') await east.start('nats')
    else await east.resume('nats')
    await publishing.whenIn('us-east')
    await publishing.stop()
    expect(publishing.longestMs).toBeLessThan(PUBLISH_GAP_MS + BUSY_MS)
    await vi.waitFor(async () => {
      const report = await auditMesh(lab, publishing.acknowledged)
      expect(report).toMatchObject(clean)
    }, settled)
  },
)

test('a publish stream goes on through another region, and keeps its order', { timeout: 120_000 }, async () => {
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: documents(2) })
  await using mesh = connectOnly(lab)
  await using stream = mesh.publishStream(topic)
  const regions = new Set<string>()
  const acknowledged: AcknowledgedEvent[] = []
  let id = 0
  const send = async (count: number) => {
    const sent = []
    for (let left = count; left > 0; left -= 1) {
      id += 1
      acknowledged.push(identity(id))
      sent.push((await stream.send(event(id))).acknowledged)
      if (left % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    for (const each of sent) regions.add((await each).region)
  }
  await send(300)
  expect([...regions]).toEqual(['us-east'])
  const sending = send(300)
  await lab.region('us-east').kill('nats')
  await sending
  await send(300)
  expect(regions).toContain('eu-west')
  await lab.region('us-east').start('nats')
  regions.clear()
  await vi.waitFor(async () => {
    regions.clear()
    await send(20)
    expect([...regions]).toEqual(['us-east'])
  }, settled)
  await vi.waitFor(async () => expect(await auditMesh(lab, acknowledged)).toMatchObject(clean), settled)
})

test('a topic that is not to be forwarded is refused with the time until the next attempt', {
  timeout: 60_000,
}, async () => {
  const local = documents(1).replace('partitions: 1', 'partitions: 1, failover: none')
  await using lab = await startLab({ regions: ['us-east', 'eu-west'], documents: local })
  await using mesh = connectOnly(lab)
  await mesh.publish(topic, event(1))
  await lab.region('us-east').kill('nats')
  await expect(mesh.publish(topic, event(2), { timeoutMs: 4_000 })).rejects.toMatchObject({
    code: 'deadline_exceeded',
    message: expect.stringMatching(/store|NATS/),
  })
})
