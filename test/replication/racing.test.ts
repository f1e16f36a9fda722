import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'
import { chaosSeed, randomOf } from './random.ts'

test('two gateways that pull the same origin store each event once, and one takes over from a dead one', {
  timeout: 120_000,
}, async () => {
  const random = randomOf(chaosSeed('racing appliers'))
  await using mesh = await Mesh.start({ gateways: 2 })
  const east = await mesh.writer('us-east')
  for (let round = 0; round < 40; round += 1) {
    await east.publish(50)
    await wait(random() * 40)
  }
  await mesh.whenAllHold(2_000)
  await mesh.lab.region('eu-west').kill('gateway', { index: random() < 0.5 ? 0 : 1 })
  for (let round = 0; round < 20; round += 1) {
    await east.publish(50)
    await wait(random() * 40)
  }
  await mesh.whenAllHold(3_000)
  const contents = await mesh.expectConverged(east.acknowledged)
  expect(contents.get('eu-west')).toHaveLength(3_000)
})
