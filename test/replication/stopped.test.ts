import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KeyValue, NatsSession } from '@landbridge/nats'
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

test('a quiet origin is no gap when retention removes what others wrote, also after a restart', async () => {
  await using mesh = await Mesh.start()
  await mesh.lab.apply(SHORT, { region: 'us-east' })
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  await east.publish(5)
  await mesh.whenAllHold(5)
  // East's five leave east's stream under what the west writes; the west keeps them.
  for (const scanned of [55, 105]) {
    await west.publish(50)
    await expect.poll(() => scannedOf(mesh), { timeout: 30_000, interval: 500 }).toBe(scanned)
  }
  await mesh.lab.region('us-east').kill('gateway')
  await mesh.lab.region('us-east').start('gateway')
  await east.publish(5)
  await expect
    .poll(async () => (await mesh.contents()).get('eu-west')?.filter(({ origin }) => origin === 'us-east').length, {
      timeout: 30_000,
    })
    .toBe(10)
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

test('a record that the other region cannot store is a stop that is shown', async () => {
  const documents = DOCUMENTS.replace('256KiB', '1MiB')
  await using mesh = await Mesh.start({ documents, natsConfig: 'max_payload: 1048576' })
  const east = await mesh.writer('us-east')
  await east.publish(20)
  await mesh.whenAllHold(20)
  // A gateway would refuse it: it fits into the server here, and not there with the headers of replication.
  await east.publish(1, 1_048_576 - 400)
  await expectStopped(mesh, 'cannot_store')
  expect(await mesh.lab.region('eu-west').logs('gateway')).toMatch(/"reason":"cannot-store".*a record takes up to/)
  expect((await mesh.contents()).get('eu-west')).toHaveLength(20)
})

async function expectStopped(mesh: Mesh, reason: 'diverged' | 'retention_gap' | 'cannot_store'): Promise<void> {
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

/** Up to which sequence east's stream was seen to hold no later record of its own, as kept for the next gateway. */
async function scannedOf(mesh: Mesh): Promise<number> {
  await using session = await NatsSession.connect({ servers: mesh.lab.region('us-east').natsUrls, name: 'test reader' })
  const bucket = await KeyValue.open(session, 'lb-checkpoint', 1)
  const entry = await bucket.get('own.lb_acme_orders')
  return entry === undefined ? 0 : JSON.parse(entry.value).tails.at(-1).scanned
}
