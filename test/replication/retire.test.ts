import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'

/** These machines may be busy. */
const PATIENT = { timeout: 40_000 }

test('events of a region that is gone for good reach all others through those who hold them', {
  timeout: 60_000,
}, async () => {
  await using mesh = await Mesh.start({ regions: ['us-east', 'eu-west', 'ap-south'] })
  const east = await mesh.writer('us-east')
  await east.publish(100)
  await mesh.whenAllHold(100)
  const holder = mesh.admin('eu-west')
  await expect(holder.retire('us-east')).rejects.toThrow(/is connected/)
  // Only eu-west gets the next ones, and then us-east is lost.
  for (const region of ['us-east', 'eu-west']) await mesh.lab.partition('ap-south', region)
  await east.publish(60)
  await expect.poll(async () => (await mesh.contentsOf(['eu-west']))[0]?.length, PATIENT).toBe(160)
  for (const process of ['gateway', 'nats'] as const) await mesh.lab.region('us-east').kill(process)
  await expect.poll(() => linkOf(mesh), PATIENT).not.toBe('connected')
  expect(await holder.retire('us-east', { dryRun: true, eventsMax: 150 })).toMatchObject({
    topics: [{ topic: 'acme/orders', events: 150n }],
    more: true,
  })
  expect(await holder.retire('us-east', { eventsMax: 90 })).toMatchObject({ topics: [{ events: 90n }], more: true })
  expect(await holder.retire('us-east')).toMatchObject({ topics: [{ events: 70n }], more: false })
  expect(await holder.retire('us-east')).toMatchObject({ topics: [], more: false })
  await mesh.lab.healAll()
  const held = async () => (await mesh.contentsOf(['eu-west', 'ap-south'])).map(({ length }) => length)
  await expect.poll(held, PATIENT).toEqual([160, 160])
  const contents = await mesh.contentsOf(['eu-west', 'ap-south'])
  for (const records of contents) expect(new Set(records.map(({ event }) => event.id)).size).toBe(160)
})

async function linkOf(mesh: Mesh) {
  const { peers } = await mesh.admin('eu-west').listPeers()
  const states = ['unknown', 'connecting', 'connected', 'disconnected']
  return states[peers.find(({ region }) => region === 'us-east')?.state ?? 0]
}
