import { streamName } from '@landbridge/core'
import { until } from '@landbridge/lab/kubernetes'
import { expect, test } from 'vitest'
import { DEAF_USER } from '../nats-server.ts'
import { startOperatorFixture, TENANT } from './operator.ts'
import { resourcesOf } from './resources.ts'

const POLL_SECONDS = 2
/** Long: that it is repaired at all is what matters here; nothing else than a look at all streams can find it. */
const REPAIR_MS = 60_000

test('drift of which the server tells nobody is found by looking at all streams', async () => {
  const env = { LANDBRIDGE_POLL_SECONDS: String(POLL_SECONDS) }
  await using fixture = await startOperatorFixture({ natsConfig: DEAF_USER, env })
  const { topics } = resourcesOf(() => fixture.cluster.client)
  const streamOf = () => fixture.streams.get(streamName({ tenant: TENANT, topic: 'polled' }))
  const heard: string[] = []
  const stop = fixture.streams.watch((stream) => heard.push(stream))
  await topics.create('polled', { retention: { age: '7d' } })
  await topics.untilCondition('polled', 'Ready', 'True', REPAIR_MS)

  const stream = await streamOf()
  if (stream === undefined) throw new Error('there is no stream')
  await fixture.streams.update({ ...stream.shape, maxAgeMs: 3_600_000 }, stream)
  await until(async () => (await streamOf())?.shape.maxAgeMs === 7 * 86_400_000, REPAIR_MS)
  const edited = await topics.until('polled', ({ status }) => status?.drift?.repairs === 1, REPAIR_MS)
  expect(edited.status?.drift?.lastChanges).toBe('max_age 1h -> 7d')

  await fixture.streams.delete('lb_acme_polled')
  await until(async () => (await streamOf()) !== undefined, REPAIR_MS)
  const deleted = await topics.until('polled', ({ status }) => status?.drift?.repairs === 2, REPAIR_MS)
  expect(deleted.status?.drift?.lastChanges).toBe('stream lb_acme_polled was deleted')
  stop()
  // Streams were made, changed and deleted: who may hear notices would have heard of it.
  expect(heard).toEqual([])
}, 600_000)
