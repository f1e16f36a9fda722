import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'
import { chaosSeed, randomOf } from './random.ts'

test('regions of three servers go on while servers of either are killed in turn', { timeout: 180_000 }, async () => {
  const random = randomOf(chaosSeed('servers of clusters'))
  await using mesh = await Mesh.start({ nodes: 3 })
  const east = await mesh.writer('us-east')
  const running = { stop: false }
  const load = (async () => {
    while (!running.stop) {
      await east.publish(20)
      await wait(10)
    }
  })()
  for (const region of ['us-east', 'eu-west', 'us-east', 'eu-west']) {
    const index = Math.floor(random() * 3)
    await wait(500 + random() * 1_000)
    await mesh.lab.region(region).kill('nats', { index })
    await wait(random() * 2_000)
    await mesh.lab.region(region).start('nats', { index })
  }
  running.stop = true
  await load
  await mesh.whenAllHold(east.acknowledged.length, 60_000)
  const contents = await mesh.expectConverged(east.acknowledged)
  expect(contents.get('eu-west')?.length).toBeGreaterThan(100)
})
