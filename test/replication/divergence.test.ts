import { expect, test } from 'vitest'
import { keepStore } from './faults.ts'
import { Mesh } from './mesh.ts'

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
    expect(await mesh.admin(region).counter('divergences_total')).toBe(1)
    expect(await mesh.admin(region).counter('given_back_events_total')).toBe(150)
  }
  expect(await mesh.admin('us-east').counter('divergences_total')).toBe(0)
  await east.publish(50)
  await mesh.whenSame([...east.acknowledged, ...west.acknowledged])
})

test('an origin is repaired over a relay, too', { timeout: 120_000 }, async () => {
  await using mesh = await Mesh.start({ regions: ['us-east', 'eu-west', 'ap-south'] })
  const east = await mesh.writer('us-east')
  await east.publish(100)
  await mesh.whenAllHold(100)
  await mesh.lab.partition('us-east', 'ap-south')
  await using store = await keepStore(mesh, 'us-east')
  await east.publish(60)
  await mesh.whenAllHold(160)
  await store.putBack()
  await east.publish(40)
  await mesh.whenSame(east.acknowledged)
  expect(await mesh.admin('ap-south').counter('divergences_total')).toBe(1)
})
