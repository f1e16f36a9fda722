import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyStore, putBackStore } from '@landbridge/lab'
import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'

/** A store as it was at some time. */
async function keepStore(mesh: Mesh, region: string) {
  const folder = await mkdtemp(join(tmpdir(), 'lb-store-'))
  await copyStore(mesh.lab.region(region), 0, folder)
  return {
    /** The power goes: the server comes up again with what it had then. */
    async putBack() {
      await mesh.lab.region(region).kill('nats')
      await putBackStore(mesh.lab.region(region), 0, { streams: folder, buckets: folder })
      await mesh.lab.region(region).start('nats')
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** The sum of a counter over its labels. */
async function counterOf(mesh: Mesh, region: string, name: string): Promise<number> {
  const text = await mesh.admin(region).metrics()
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

test('what a region lost comes back from those who have it', { timeout: 120_000 }, async () => {
  await using mesh = await Mesh.start({ regions: ['us-east', 'eu-west', 'ap-south'] })
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  await east.publish(200)
  await west.publish(40)
  await mesh.whenAllHold(240)
  await using store = await keepStore(mesh, 'us-east')
  await east.publish(150)
  await west.publish(10)
  await mesh.whenAllHold(400)
  await store.putBack()
  // Its new events take the numbers of those it lost.
  await east.publish(100)
  await mesh.whenSame([...east.acknowledged, ...west.acknowledged])
  for (const region of ['eu-west', 'ap-south']) {
    expect(await counterOf(mesh, region, 'landbridge_replication_divergences_total')).toBe(1)
    expect(await counterOf(mesh, region, 'landbridge_replication_given_back_events_total')).toBe(150)
  }
  expect(await counterOf(mesh, 'us-east', 'landbridge_replication_divergences_total')).toBe(0)
  await east.publish(50)
  await mesh.whenSame([...east.acknowledged, ...west.acknowledged])
})
