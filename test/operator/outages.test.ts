import { streamName } from '@landbridge/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Link } from '../../lab/faults/link.ts'
import { PortReservation } from '../../lab/process/ports.ts'
import { until } from './cluster.ts'
import {
  createTopic,
  getTopic,
  type OperatorFixture,
  patchTopic,
  startOperatorFixture,
  TENANT,
  untilCondition,
} from './operator.ts'

describe('an operator', () => {
  let parts: AsyncDisposableStack
  let fixture: OperatorFixture
  let link: Link
  const client = () => fixture.cluster.client
  const streamOf = (name: string) => fixture.streams.get(streamName({ tenant: TENANT, topic: name }))

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

  test('goes on when the API server restarts, and when its versions are gone (410)', async () => {
    await createTopic(client(), 'before')
    await untilCondition(client(), 'before', 'Ready', 'True')
    await fixture.cluster.killApiServer()
    await fixture.cluster.startApiServer()
    await createTopic(client(), 'after')
    await untilCondition(client(), 'after', 'Ready', 'True', 30_000)
    await fixture.cluster.killApiServer()
    await fixture.cluster.startApiServer()
    await createTopic(client(), 'compacted')
    await fixture.cluster.compact()
    await untilCondition(client(), 'compacted', 'Ready', 'True', 30_000)
  }, 180_000)

  test('hears again after its connection was silent for a minute', async () => {
    await createTopic(client(), 'loud')
    await untilCondition(client(), 'loud', 'Ready', 'True')
    await link.setMode('blackhole')
    await createTopic(client(), 'silent')
    await until(async () => !fixture.operator.leading, 60_000)
    expect(await streamOf('silent')).toBeUndefined()
    await link.setMode('open')
    await untilCondition(client(), 'silent', 'Ready', 'True', 60_000)
  }, 180_000)

  test('that is cut off loses the lease within 15 s to the next, and writes nothing more', async () => {
    const second = await fixture.another()
    expect(second.leading).toBe(false)
    await createTopic(client(), 'led')
    await untilCondition(client(), 'led', 'Ready', 'True')
    const begun = performance.now()
    await link.setMode('blackhole')
    await until(async () => second.leading, 15_000)
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(fixture.operator.leading).toBe(false)
    await patchTopic(client(), 'led', { spec: { retention: { age: '2d' } } })
    await untilCondition(client(), 'led', 'Ready', 'True')
    const written = (await getTopic(client(), 'led'))?.metadata.resourceVersion
    await link.setMode('open')
    // The first one is back: it sees the newest version and that it does not lead.
    await until(async () => fixture.operator.metrics !== undefined && !fixture.operator.leading)
    await createTopic(client(), 'later')
    await untilCondition(client(), 'later', 'Ready', 'True')
    expect((await getTopic(client(), 'led'))?.metadata.resourceVersion).toBe(written)
    expect(fixture.operator.leading).toBe(false)
  }, 180_000)

  test('waits for a NATS that is away, and carries out what was asked meanwhile', async () => {
    await fixture.nats.kill()
    await createTopic(client(), 'waiting')
    await until(async () => (await getTopic(client(), 'waiting'))?.status === undefined)
    await fixture.nats.start()
    await untilCondition(client(), 'waiting', 'Ready', 'True', 30_000)
  }, 120_000)
})
