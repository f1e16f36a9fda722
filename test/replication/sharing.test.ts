import { expect, test, vi } from 'vitest'
import { DOCUMENTS, Mesh } from './mesh.ts'

/** A killed gateway's pulls are at work elsewhere by then. */
const TAKEOVER_MS = 5_000
const TOPICS = 24

/** The topic of the other tests, and more that only make work. */
const MANY_TOPICS = [DOCUMENTS, ...Array.from({ length: TOPICS - 1 }, (_, index) => topicDocument(index))].join('---\n')

function topicDocument(index: number): string {
  const metadata = { namespace: 'acme', name: `idle-${index}` }
  return `${JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', kind: 'Topic', metadata, spec: {} })}\n`
}

/** Which gateway pulls each topic into a region, as one of its gateways tells. */
async function pullers(mesh: Mesh, region: string, askIndex: number): Promise<ReadonlyMap<string, string>> {
  const { lags } = await mesh.admin(region, askIndex).getLag()
  return new Map(lags.map(({ topic, gateway, known }) => [topic, known ? gateway : '']))
}

/** Waits until exactly these gateways share all pulls; returns how many each has. */
async function untilShared(mesh: Mesh, indexes: readonly number[], timeoutMs = 20_000): Promise<readonly number[]> {
  const names = indexes.map((index) => `eu-west-gateway-${index}`)
  const shares = new Map<string, number>()
  await vi.waitFor(
    async () => {
      shares.clear()
      const found = await pullers(mesh, 'eu-west', indexes.at(-1) ?? 0)
      expect(found.size).toBe(TOPICS)
      for (const gateway of found.values()) {
        expect(names).toContain(gateway)
        shares.set(gateway, (shares.get(gateway) ?? 0) + 1)
      }
    },
    { timeout: timeoutMs, interval: 50 },
  )
  return names.map((name) => shares.get(name) ?? 0)
}

test('three gateways share the pulls of a region, and those of a killed, stopped or paused one move', {
  timeout: 120_000,
}, async () => {
  await using mesh = await Mesh.start({ gateways: 3, documents: MANY_TOPICS })
  const region = mesh.lab.region('eu-west')
  const east = await mesh.writer('us-east')
  await east.publish(100)
  for (const share of await untilShared(mesh, [0, 1, 2])) expect(share).toBeGreaterThan(0)

  const puller = (await pullers(mesh, 'eu-west', 0)).get('acme/orders') ?? ''
  const victim = Number(puller.at(-1))
  const rest = [0, 1, 2].filter((index) => index !== victim)
  await region.kill('gateway', { index: victim })
  const killedAt = performance.now()
  await east.publish(100)
  await mesh.whenAllHold(200)
  await untilShared(mesh, rest)
  expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS)

  await region.start('gateway', { index: victim })
  for (const share of await untilShared(mesh, [0, 1, 2])) expect(share).toBeGreaterThan(0)

  // A planned stop hands over before it drains.
  const stopping = region.kill('gateway', { index: victim, signal: 'SIGTERM' })
  const stoppedAt = performance.now()
  await untilShared(mesh, rest)
  expect(performance.now() - stoppedAt).toBeLessThan(2_500)
  await stopping
  await region.start('gateway', { index: victim })
  await untilShared(mesh, [0, 1, 2])

  // It does not know that it was away, and goes on where the fence lets it.
  await region.pause('gateway', { index: victim })
  const pausedAt = performance.now()
  await east.publish(100)
  await mesh.whenAllHold(300)
  await untilShared(mesh, rest)
  expect(performance.now() - pausedAt).toBeLessThan(TAKEOVER_MS)
  await region.resume('gateway', { index: victim })
  await east.publish(100)
  await mesh.whenAllHold(400)
  await untilShared(mesh, [0, 1, 2])
  await mesh.expectConverged(east.acknowledged)
})

test.each([
  [2, 1],
  [4, 1],
  [5, 2],
])(
  'of %i gateways sharing the pulls, %i killed at once: the others take them over in time',
  { timeout: 120_000 },
  async (gateways, killed) => {
    await using mesh = await Mesh.start({ gateways, documents: MANY_TOPICS })
    const east = await mesh.writer('us-east')
    await east.publish(100)
    const indexes = Array.from({ length: gateways }, (_, index) => index)
    for (const share of await untilShared(mesh, indexes, 40_000)) expect(share).toBeGreaterThan(0)
    const region = mesh.lab.region('eu-west')
    // The one that pulls the topic of the writer is among them.
    const first = Number((await pullers(mesh, 'eu-west', 0)).get('acme/orders')?.at(-1))
    const victims = indexes.slice(0, killed).map((offset) => (first + offset) % gateways)
    const rest = indexes.filter((index) => !victims.includes(index))
    await Promise.all(victims.map((index) => region.kill('gateway', { index })))
    const killedAt = performance.now()
    await untilShared(mesh, rest)
    expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS)
    await east.publish(100)
    await mesh.whenAllHold(200)
    await mesh.expectConverged(east.acknowledged)
  },
)

test('gateways that all believe a pull is theirs do no harm', { timeout: 120_000 }, async () => {
  // With one name they take themselves for one and the same.
  await using mesh = await Mesh.start({ gateways: 3, gatewayEnv: { LANDBRIDGE_GATEWAY: 'twin' } })
  const twins = [0, 1, 2].map((index) => mesh.admin('eu-west', index))
  const counted = (name: string, labels: RegExp) => Promise.all(twins.map((twin) => twin.counter(name, labels)))
  const pulling = async () => expect(await counted('pulls', /upstream="us-east"/)).toEqual([1, 1, 1])
  await vi.waitFor(pulling, { timeout: 20_000, interval: 50 })
  const writers = [await mesh.writer('us-east'), await mesh.writer('eu-west')]
  for (let round = 1; round <= 20; round += 1) await Promise.all(writers.map((writer) => writer.publish(50)))
  await mesh.whenAllHold(2_000, 30_000)
  // They did get in each other's way: the fence let one through, and the others stood back.
  const stoodBack = await counted('runs_ended_total', /reason="(fenced|overtaken)"/)
  expect(Math.max(...stoodBack)).toBeGreaterThan(0)
  await mesh.lab.region('eu-west').kill('gateway', { index: 1 })
  for (let round = 1; round <= 20; round += 1) await Promise.all(writers.map((writer) => writer.publish(50)))
  await mesh.whenAllHold(4_000, 30_000)
  await mesh.expectConverged(writers.flatMap((writer) => writer.acknowledged))
})
