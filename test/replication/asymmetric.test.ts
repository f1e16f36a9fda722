import { expect, test } from 'vitest'
import { BUSY_MS } from '../busy.ts'
import { Mesh } from './mesh.ts'
import { untilUpstream } from './routing.ts'

test('a hears b, b does not hear a: b gets the events of a through c, and a those of b itself', async () => {
  await using mesh = await Mesh.start({ regions: ['a', 'b', 'c'] })
  await mesh.lab.cut('b', 'a', 'blackhole')
  const [one, other] = [await mesh.writer('a'), await mesh.writer('b')]
  for (let round = 1; round <= 3; round += 1) {
    await Promise.all([one.publish(100), other.publish(100)])
    await mesh.whenAllHold(200 * round)
  }
  await untilUpstream(mesh, 'a', { b: 'b', c: 'c' })
  await untilUpstream(mesh, 'b', { a: 'c', c: 'c' })
  await mesh.expectConverged([...one.acknowledged, ...other.acknowledged])
})

test('every region hears only the next one of a ring', async () => {
  const ring = ['a', 'b', 'c', 'd', 'e']
  await using mesh = await Mesh.start({ regions: ring })
  for (const [index, from] of ring.entries()) {
    for (const to of ring) if (to !== from && to !== ring[(index + 1) % ring.length]) await mesh.lab.cut(from, to)
  }
  const writers = await Promise.all(ring.map((region) => mesh.writer(region)))
  for (let round = 1; round <= 2; round += 1) {
    await Promise.all(writers.map((writer) => writer.publish(60)))
    await mesh.whenAllHold(ring.length * 60 * round, 30_000)
  }
  await untilUpstream(mesh, 'a', { b: 'b', c: 'b', d: 'b', e: 'b' })
  await mesh.expectConverged(writers.flatMap((writer) => writer.acknowledged))
})

test('cuts that come and go at random in seven regions lose nothing while a path is left', async () => {
  const regions = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  await using mesh = await Mesh.start({ regions })
  const writers = await Promise.all(['a', 'd', 'g'].map((region) => mesh.writer(region)))
  let seed = 20_261_121
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return seed / 2 ** 32
  }
  for (let round = 1; round <= 4; round += 1) {
    await mesh.lab.healAll()
    // The ring always stays, one way at least; anything else may be cut, one way or both.
    for (const [index, from] of regions.entries()) {
      for (const to of regions) {
        const next = regions[(index + 1) % regions.length]
        if (to !== from && to !== next && random() < 0.6)
          await mesh.lab.cut(from, to, random() < 0.5 ? 'refused' : 'blackhole')
      }
    }
    await Promise.all(writers.map((writer) => writer.publish(40)))
    await mesh.whenAllHold(writers.length * 40 * round, 40_000)
  }
  const { length } = (await mesh.expectConverged(writers.flatMap((writer) => writer.acknowledged))).get('a') ?? []
  expect(length).toBe(480)
}, 180_000)

// Both directions of one connection: a cut takes a whole link, this takes half of one.
test.each(['there', 'back'] as const)(
  'a link that loses what goes %s is gone for both ends within seconds',
  async (lost) => {
    await using mesh = await Mesh.start({ regions: ['a', 'b', 'c'], prepare: { toxics: true } })
    const writer = await mesh.writer('b')
    await writer.publish(20)
    await mesh.whenAllHold(20)
    // a dials b, to pull from it.
    await mesh.lab.trouble('a', 'b', { kind: 'half-open', lost })
    const startedAt = performance.now()
    await untilUpstream(mesh, 'a', { b: 'c', c: 'c' })
    expect(performance.now() - startedAt).toBeLessThan(3_000 + BUSY_MS)
    await writer.publish(20)
    await mesh.whenAllHold(40)
    await mesh.expectConverged(writer.acknowledged)
  },
)
