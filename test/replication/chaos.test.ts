import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'
import type { OriginWriter } from './origin-writer.ts'
import { chaosSeed, randomOf } from './random.ts'

const FAULTS = 6

/** Publishes small batches in turn until told to stop. */
async function load(writer: OriginWriter, running: { readonly stop: boolean }): Promise<void> {
  while (!running.stop) {
    await writer.publish(20)
    // A pace, not a wait for anything: about 2,000 events/s leave room for faults in the middle of batches.
    await wait(10)
  }
}

test('nothing is lost, repeated or reordered when gateways and servers are killed under load', {
  timeout: 120_000,
}, async () => {
  const seed = chaosSeed('kill under load')
  const random = randomOf(seed)
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  const west = await mesh.writer('eu-west')
  const running = { stop: false }
  const loads = [load(east, running), load(west, running)]
  const history: string[] = []
  for (let fault = 0; fault < FAULTS; fault += 1) {
    await wait(100 + random() * 900)
    const region = random() < 0.5 ? 'us-east' : 'eu-west'
    const role = random() < 0.5 ? 'gateway' : 'nats'
    history.push(`${role} of ${region}`)
    await mesh.lab.region(region).kill(role)
    await wait(random() * 700)
    await mesh.lab.region(region).start(role)
  }
  running.stop = true
  await Promise.all(loads)
  const acknowledged = [...east.acknowledged, ...west.acknowledged]
  await mesh.whenAllHold(acknowledged.length, 40_000)
  await mesh.expectConverged(acknowledged)
  expect(history).toHaveLength(FAULTS)
})

test('links cut and stalled under load heal by themselves', { timeout: 120_000 }, async () => {
  const random = randomOf(chaosSeed('links'))
  await using mesh = await Mesh.start({ regions: ['us-east', 'eu-west', 'ap-south'] })
  const names = mesh.lab.regions.map(({ name }) => name)
  const writers = await Promise.all(names.map((name) => mesh.writer(name)))
  const running = { stop: false }
  const loads = writers.map((writer) => load(writer, running))
  for (let fault = 0; fault < FAULTS; fault += 1) {
    const from = names[Math.floor(random() * names.length)] ?? ''
    const to = names.filter((name) => name !== from)[Math.floor(random() * (names.length - 1))] ?? ''
    await mesh.lab.cut(from, to, random() < 0.5 ? 'refused' : 'stalled')
    await wait(100 + random() * 1_500)
    if (random() < 0.7) await mesh.lab.heal(from, to)
  }
  await mesh.lab.healAll()
  running.stop = true
  await Promise.all(loads)
  const acknowledged = writers.flatMap((writer) => writer.acknowledged)
  await mesh.whenAllHold(acknowledged.length, 40_000)
  await mesh.expectConverged(acknowledged)
})
