import { expect, test } from 'vitest'
import { deleteStream, recreateStream } from './faults.ts'
import { DOCUMENTS, Mesh } from './mesh.ts'

const REGIONS = ['us-east', 'eu-west', 'ap-south']

/** Three regions that hold 300 events of us-east and 60 of eu-west. */
async function startFilled() {
  const mesh = await Mesh.start({ regions: REGIONS })
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  await east.publish(300)
  await west.publish(60)
  await mesh.whenAllHold(360)
  const all = () => [...east.acknowledged, ...west.acknowledged]
  return { mesh, east, west, all, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

test('a stream that was deleted and made anew is filled again by the other regions', { timeout: 120_000 }, async () => {
  await using filled = await startFilled()
  const { mesh, east, west, all } = filled
  await recreateStream(mesh, 'us-east')
  await Promise.all([east.publish(80), west.publish(20)])
  const contents = await mesh.whenSame(all())
  // Its own old events come back as events of those who had them, and those of eu-west from eu-west itself.
  const origins = Map.groupBy(contents.get('us-east') ?? [], ({ origin }) => origin)
  expect(origins.get('us-east')).toHaveLength(80)
  expect((origins.get('eu-west')?.length ?? 0) + (origins.get('ap-south')?.length ?? 0)).toBe(380)
  for (const region of ['eu-west', 'ap-south']) {
    expect(await mesh.admin(region).counter('divergences_total')).toBe(1)
    expect(await mesh.admin(region).counter('given_back_events_total')).toBe(300)
  }
})

test('a stream that was made anew while no gateway ran is left in silence first', { timeout: 120_000 }, async () => {
  await using filled = await startFilled()
  const { mesh, east, all } = filled
  const region = mesh.lab.region('us-east')
  await region.kill('gateway')
  await deleteStream(mesh, 'us-east')
  await region.start('gateway')
  await mesh.lab.apply(DOCUMENTS, { region: 'us-east' })
  const madeAt = Date.now()
  await east.publish(10)
  await mesh.whenSame(all())
  expect(Date.now() - madeAt).toBeGreaterThan(10_000)
})

test('a gateway that is killed in the middle of a repair goes on from the data', { timeout: 120_000 }, async () => {
  await using filled = await startFilled()
  const { mesh, east, all } = filled
  await recreateStream(mesh, 'us-east')
  await east.publish(50)
  await expect.poll(() => mesh.admin('eu-west').counter('divergences_total'), { timeout: 20_000 }).toBe(1)
  await mesh.lab.region('eu-west').kill('gateway')
  await mesh.lab.region('eu-west').start('gateway')
  await mesh.whenSame(all())
})
