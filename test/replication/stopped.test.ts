import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DOCUMENTS, Mesh } from './mesh.ts'

const SHORT = DOCUMENTS.replace('spec: {', 'spec: { retention: { events: 60 },')

test('records that retention removed before they were pulled are a gap that is shown, not skipped', async () => {
  await using mesh = await Mesh.start({ documents: SHORT })
  const east = await mesh.writer('us-east')
  await east.publish(20)
  await mesh.whenAllHold(20)
  await mesh.lab.partition('us-east', 'eu-west')
  await east.publish(200)
  await mesh.lab.healAll()
  await expectStopped(mesh, 'retention_gap')
  await east.publish(5)
  expect((await mesh.contents()).get('eu-west')).toHaveLength(20)
})

test('a quiet origin is no gap when retention removes what others wrote', async () => {
  await using mesh = await Mesh.start({ documents: SHORT })
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  await east.publish(5)
  await mesh.whenAllHold(5)
  // East's five leave both streams, under what the west writes.
  for (let round = 0; round < 10; round += 1) await west.publish(20)
  await mesh.whenAllHold(60)
  await mesh.lab.partition('us-east', 'eu-west')
  await mesh.lab.healAll()
  await east.publish(5)
  await expect
    .poll(async () => (await mesh.contents()).get('eu-west')?.filter(({ origin }) => origin === 'us-east').length)
    .toBe(5)
})

test('an origin that lost its stream is a divergence that is shown, and its new events are not mistaken', async () => {
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  await east.publish(50)
  await mesh.whenAllHold(50)
  const region = mesh.lab.region('us-east')
  await region.kill('all')
  await rm(join(mesh.lab.stateDir, 'us-east', 'nats-0', 'store'), { recursive: true })
  await region.start('all')
  await mesh.lab.applyPeers('us-east')
  await mesh.lab.apply(DOCUMENTS, { region: 'us-east' })
  const again = await mesh.writer('us-east')
  await again.publish(80)
  await expectStopped(mesh, 'diverged')
  const held = (await mesh.contents()).get('eu-west') ?? []
  expect(held).toHaveLength(50)
  expect(new Set(held.map(({ position }) => position.sequence)).size).toBe(50)
})

async function expectStopped(mesh: Mesh, reason: 'diverged' | 'retention_gap'): Promise<void> {
  const admin = mesh.admin('eu-west')
  await expect
    .poll(async () => (await admin.listPeers()).peers.find(({ region }) => region === 'us-east')?.reason, {
      timeout: 10_000,
    })
    .toBe(`stopped: acme/orders: ${reason}`)
  expect(await admin.metrics()).toContain(
    `landbridge_replication_stopped{topic="acme/orders",origin="us-east",reason="${reason}"} 1`,
  )
  expect((await admin.getLag()).lags.find(({ origin }) => origin === 'us-east')).toMatchObject({ known: false })
}
