import { expect, test } from 'vitest'
import type { TestEvent } from './events.ts'
import { Mesh } from './mesh.ts'
import { untilUpstream } from './routing.ts'

const X: TestEvent = { source: '/client', id: 'x', key: 'shared', counter: 1 }

test('an event that two origins have, and each skipped of the other, reaches a region that hears neither', async () => {
  // RULES.md 2, with gateways: c holds X as b's and skipped a's; a and b skipped each other's; d hears c alone.
  await using mesh = await Mesh.start({ regions: ['a', 'b', 'c', 'd'] })
  const [a, b] = [await mesh.writer('a'), await mesh.writer('b')]
  await Promise.all([a.publish(20), b.publish(20)])
  await mesh.whenAllHold(40)
  for (const [one, other] of [
    ['a', 'b'],
    ['a', 'd'],
    ['b', 'd'],
    ['c', 'd'],
    ['a', 'c'],
  ] as const) {
    await mesh.lab.partition(one, other)
  }
  await Promise.all([a.store([X]), b.store([X])])
  await Promise.all([a.publish(30), b.publish(30)])
  await mesh.lab.heal('c', 'a')
  await mesh.lab.heal('a', 'c')
  await mesh.lab.heal('c', 'd')
  await mesh.lab.heal('d', 'c')
  await untilUpstream(mesh, 'd', { a: 'c', b: 'c' })
  // Every region holds each event once, X under one origin or the other.
  await mesh.whenAllHold(101, 40_000)
  await Promise.all([a.publish(10), b.publish(10)])
  await mesh.whenAllHold(121, 40_000)
  const acknowledged = [...a.acknowledged, ...b.acknowledged, X]
  const contents = await mesh.expectConverged(acknowledged, { copiesMayBeMissing: true })
  for (const [region, records] of contents) {
    expect(
      records.filter(({ event }) => event.source === X.source),
      region,
    ).toHaveLength(1)
  }
})

test('a region that comes back far behind is brought up by a relay, while that goes on itself', async () => {
  await using mesh = await Mesh.start({ regions: ['a', 'b', 'c'] })
  const writer = await mesh.writer('a')
  await writer.publish(100)
  await mesh.whenAllHold(100)
  await mesh.lab.region('c').kill('gateway')
  await mesh.lab.partition('a', 'c')
  for (let round = 0; round < 5; round++) await writer.publish(1_000)
  await mesh.lab.region('c').start('gateway')
  const publishing = (async () => {
    for (let round = 0; round < 10; round++) await writer.publish(50)
  })()
  await mesh.whenAllHold(5_600, 45_000)
  await publishing
  await untilUpstream(mesh, 'c', { a: 'b' })
  await mesh.expectConverged(writer.acknowledged)
})
