import { type Checkpoint, originFilter, streamName } from '@landbridge/core'
import { CheckpointBucket, lastRecord, NatsSession } from '@landbridge/nats'
import { expect, test } from 'vitest'
import type { TestEvent } from './events.ts'
import { Mesh, TOPIC } from './mesh.ts'

const X: TestEvent = { source: '/shared', id: 'x', key: 'shared', counter: 1 }

test('an event that was stored in both regions shows once in each, and its skipped tail is a checkpoint', async () => {
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  await east.publish(10)
  await mesh.whenAllHold(10)
  await mesh.lab.partition('us-east', 'eu-west')
  await Promise.all([east.store([X]), west.store([X])])
  await mesh.lab.healAll()
  // East's X left nothing in the west but a checkpoint behind its last record.
  await expect.poll(async () => (await checkpointOf(mesh, 'eu-west', 'us-east'))?.position.sequence).toBe(11)
  await expect.poll(async () => (await checkpointOf(mesh, 'us-east', 'eu-west'))?.position.sequence).toBeGreaterThan(10)
  // Restarts go on behind it, whatever was skipped.
  for (const region of ['us-east', 'eu-west']) {
    await mesh.lab.region(region).kill('gateway')
    await mesh.lab.region(region).start('gateway')
  }
  await Promise.all([east.publish(20), west.publish(20)])
  await mesh.whenAllHold(51)
  const acknowledged = [...east.acknowledged, ...west.acknowledged, X]
  await mesh.expectConverged(acknowledged, { copiesMayBeMissing: true })
})

test('a marked attempt elsewhere is recognised on both sides by the copy check', async () => {
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  await mesh.lab.partition('us-east', 'eu-west')
  const sinceMs = Date.now() - 200_000
  await Promise.all([
    east.store([X]),
    // Longer ago than the duplicate window: only a look into the stream can tell.
    west.store([X], { mark: { region: 'us-east', sinceMs, untilMs: Date.now() + 20_000 } }),
  ])
  await Promise.all([east.publish(5), west.publish(5)])
  await mesh.lab.healAll()
  await mesh.whenAllHold(11)
  await mesh.expectConverged([...east.acknowledged, ...west.acknowledged, X], { copiesMayBeMissing: true })
  for (const region of ['us-east', 'eu-west']) {
    expect(await mesh.admin(region).metrics()).toMatch(/replication_skipped_events_total.*by="check"\} 1/)
  }
})

test('a checkpoint counts only upon the very records it was written upon', async () => {
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  await east.publish(10)
  await mesh.whenAllHold(10)
  await mesh.lab.region('eu-west').kill('gateway')
  await east.publish(10)
  const contents = await mesh.contents()
  const tenth = contents.get('us-east')?.[14]?.position ?? { sequence: 0, stamp: 0n }
  const last = await lastPlace(mesh, 'eu-west', 'us-east')
  // As if the stream had lost its tail and grown again: the end is another record than then.
  const stale = { position: tenth, lastOf: last, end: { sequence: last.sequence, stamp: last.stamp - 1n } }
  await putCheckpoint(mesh, 'eu-west', 'us-east', stale)
  await mesh.lab.region('eu-west').start('gateway')
  await mesh.whenAllHold(20)
  await mesh.expectConverged(east.acknowledged)
})

async function withCheckpoints<T>(
  mesh: Mesh,
  region: string,
  use: (bucket: CheckpointBucket) => Promise<T>,
): Promise<T> {
  await using session = await NatsSession.connect({
    servers: mesh.lab.region(region).natsUrls,
    name: 'test checkpoints',
  })
  return await use(await CheckpointBucket.open({ session, replicas: 1 }))
}

function checkpointOf(mesh: Mesh, region: string, origin: string): Promise<Checkpoint | undefined> {
  return withCheckpoints(mesh, region, (bucket) => bucket.get(TOPIC, origin))
}

function putCheckpoint(mesh: Mesh, region: string, origin: string, checkpoint: Checkpoint): Promise<void> {
  return withCheckpoints(mesh, region, (bucket) => bucket.put(TOPIC, origin, checkpoint))
}

async function lastPlace(mesh: Mesh, region: string, origin: string): Promise<Checkpoint['end']> {
  await using session = await NatsSession.connect({ servers: mesh.lab.region(region).natsUrls, name: 'test reader' })
  const last = await lastRecord(session, streamName(TOPIC), originFilter(TOPIC, origin))
  return { sequence: last?.sequence ?? 0, stamp: last?.stampNs ?? 0n }
}
