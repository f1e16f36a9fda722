import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'

test('two regions converge while both publish', async () => {
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  for (let round = 0; round < 20; round += 1) await Promise.all([east.publish(25), west.publish(10)])
  await mesh.whenAllHold(20 * 35)
  const contents = await mesh.expectConverged([...east.acknowledged, ...west.acknowledged])
  expect(contents.get('us-east')?.length).toBe(700)
})

test('three regions converge', async () => {
  await using mesh = await Mesh.start({ regions: ['us-east', 'eu-west', 'ap-south'] })
  const writers = await Promise.all(['us-east', 'eu-west', 'ap-south'].map((region) => mesh.writer(region)))
  for (let round = 0; round < 10; round += 1) await Promise.all(writers.map((writer) => writer.publish(20)))
  await mesh.whenAllHold(600)
  await mesh.expectConverged(writers.flatMap((writer) => writer.acknowledged))
})
