import { setTimeout as delay } from 'node:timers/promises'
import { streamName } from '@landbridge/core'
import { until } from '@landbridge/lab/kubernetes'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Link } from '../../lab/faults/link.ts'
import { PortReservation } from '../../lab/process/ports.ts'
import { OperatorProcess } from '../../load/bench/servers/operator-process.ts'
import { type OperatorFixture, RELEASE, startOperatorFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

/** Longer than a watch lasts, by the server's clock and by the operator's. */
const SILENCE_MS = 60_000

describe('an operator', () => {
  let parts: AsyncDisposableStack
  let fixture: OperatorFixture
  let link: Link
  const { topics } = resourcesOf(() => fixture.cluster.client)
  const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))

  const ask = (path: string) => fetch(`http://${fixture.operator.http}${path}`)

  beforeEach(async () => {
    parts = new AsyncDisposableStack()
    const ports = parts.use(new PortReservation())
    const port = await ports.take()
    fixture = parts.use(
      await startOperatorFixture({
        through: async (target) => {
          link = parts.use(await Link.open(port, target))
          return port
        },
      }),
    )
  }, 600_000)
  afterEach(() => parts.disposeAsync())

  test('goes on when the API server restarts, and when old versions are gone then', async () => {
    await topics.create('before')
    await topics.untilCondition('before', 'Ready', 'True')
    await fixture.cluster.killApiServer()
    await fixture.cluster.startApiServer()
    await topics.create('after')
    await topics.untilCondition('after', 'Ready', 'True', 30_000)
    await fixture.cluster.killApiServer()
    await fixture.cluster.startApiServer()
    await topics.create('compacted')
    await fixture.cluster.compact()
    await topics.untilCondition('compacted', 'Ready', 'True', 30_000)
  }, 180_000)

  test('hears again after its connection was silent for a minute', async () => {
    await topics.create('loud')
    await topics.untilCondition('loud', 'Ready', 'True')
    await link.setMode('blackhole')
    await topics.create('silent')
    await until(async () => !fixture.operator.leading, 60_000)
    await delay(SILENCE_MS)
    expect(await streamOf('silent')).toBeUndefined()
    await link.setMode('open')
    await topics.untilCondition('silent', 'Ready', 'True', 60_000)
  }, 180_000)

  test('that is cut off loses the lease within 15 s to the next, and writes nothing more', async () => {
    const second = await fixture.another()
    expect(second.leading).toBe(false)
    await topics.create('led')
    await topics.untilCondition('led', 'Ready', 'True')
    const begun = performance.now()
    await link.setMode('blackhole')
    await until(async () => second.leading, 15_000)
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(fixture.operator.leading).toBe(false)
    await topics.patch('led', { spec: { retention: { age: '2d' } } })
    await topics.untilCondition('led', 'Ready', 'True')
    const written = (await topics.get('led'))?.metadata.resourceVersion
    await link.setMode('open')
    // The first one is back: it sees the newest version and that it does not lead.
    await until(async () => fixture.operator.metrics !== undefined && !fixture.operator.leading)
    await topics.create('later')
    await topics.untilCondition('later', 'Ready', 'True')
    expect((await topics.get('led'))?.metadata.resourceVersion).toBe(written)
    expect(fixture.operator.leading).toBe(false)
  }, 180_000)

  test('that was paused and wakes up writes nothing any more', async () => {
    await fixture.operator.close()
    const place = { kubeconfig: fixture.cluster.kubeconfig, natsUrl: fixture.nats.urls[0] ?? '', namespace: RELEASE }
    await using paused = await OperatorProcess.start({ ...place, region: 'eu-west' })
    await paused.untilFigure('landbridge_operator_leading', 1)
    await topics.create('woken', { description: 'first' })
    await topics.untilCondition('woken', 'Ready', 'True')
    const second = await fixture.another()
    // Work is under way while it is stopped.
    await topics.patch('woken', { spec: { description: 'second' } })
    process.kill(paused.pid, 'SIGSTOP')
    const begun = performance.now()
    await until(async () => second.leading, 15_000)
    expect(performance.now() - begun).toBeLessThan(15_000)
    await topics.patch('woken', { spec: { description: 'third' } })
    const written = await topics.untilCondition('woken', 'Ready', 'True')
    process.kill(paused.pid, 'SIGCONT')
    await until(async () => (await paused.figure('landbridge_operator_leading')) === 0)
    await delay(3_000)
    expect((await topics.get('woken'))?.metadata.resourceVersion).toBe(written.metadata.resourceVersion)
    expect((await streamOf('woken'))?.shape.description).toBe('third')
    expect(second.leading).toBe(true)
  }, 180_000)

  test('waits for a NATS that is away, and carries out what was asked meanwhile', async () => {
    await fixture.nats.kill()
    await topics.create('waiting')
    await until(async () => (await ask('/readyz')).status === 503)
    expect(await (await ask('/readyz')).text()).toBe("no connection to the region's NATS\n")
    expect((await ask('/healthz')).status).toBe(200)
    expect((await topics.get('waiting'))?.status).toBeUndefined()
    await fixture.nats.start()
    await topics.untilCondition('waiting', 'Ready', 'True', 60_000)
    expect((await ask('/readyz')).status).toBe(200)
  }, 180_000)
})
