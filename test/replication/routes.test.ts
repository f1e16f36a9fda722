import { expect, test } from 'vitest'
import { BUSY_MS } from '../busy.ts'
import { Mesh } from './mesh.ts'
import { setCost, untilHolds, untilUpstream } from './routing.ts'

const REGIONS = ['a', 'b', 'c'] as const

/**
 * Until an origin's events come another way, as the README promises, and what says that the link is dead: by how it is
 * cut. Only where nothing says so is silence waited for.
 */
const CUTS = [
  { mode: 'refused', rerouteMs: 500, reason: expect.stringMatching(/reset|refused|closed/i) },
  { mode: 'blackhole', rerouteMs: 3_500, reason: expect.stringContaining('nothing was heard') },
] as const

/** Why a region's gateway first lost its link to another region after `sinceMs`, as it logged it. */
async function lossOf(mesh: Mesh, region: string, peer: string, sinceMs: number): Promise<string | undefined> {
  const [gateway] = mesh.lab.region(region).processes('gateway')
  const lines = ((await gateway?.logTail(1_000)) ?? '').split('\n').filter((line) => line.startsWith('{'))
  const losses = lines
    .map((line): Record<string, string> => JSON.parse(line))
    .filter((line) => line.msg === 'link to peer is down' && line.peer === peer)
  return losses.find(({ time = '' }) => Date.parse(time) >= sinceMs)?.reason
}

test.each(CUTS)(
  'an origin whose link is cut ($mode) is pulled through a relay in time, and from itself again once the link heals',
  async ({ mode, rerouteMs, reason }) => {
    await using mesh = await Mesh.start({ regions: REGIONS })
    const writer = await mesh.writer('a')
    await writer.publish(200)
    await mesh.whenAllHold(200)
    await untilUpstream(mesh, 'c', { a: 'a', b: 'b' })

    const cutMs = Date.now()
    await mesh.lab.partition('a', 'c', mode)
    const cutAtMs = performance.now()
    await writer.publish(300)
    await mesh.whenAllHold(500)
    expect(performance.now() - cutAtMs).toBeLessThan(rerouteMs + BUSY_MS)
    expect(await lossOf(mesh, 'c', 'a', cutMs)).toEqual(reason)
    await untilUpstream(mesh, 'c', { a: 'b', b: 'b' })

    await mesh.lab.healAll()
    await writer.publish(300)
    await mesh.whenAllHold(800)
    await untilUpstream(mesh, 'c', { a: 'a', b: 'b' })
    await writer.publish(100)
    await mesh.whenAllHold(900)
    await mesh.expectConverged(writer.acknowledged)
  },
)

test('events go on through a line of relays', async () => {
  const regions = ['a', 'b', 'c', 'd']
  await using mesh = await Mesh.start({ regions })
  for (const [one, other] of [
    ['a', 'c'],
    ['a', 'd'],
    ['b', 'd'],
  ] as const)
    await mesh.lab.partition(one, other, 'blackhole')
  const first = await mesh.writer('a')
  const last = await mesh.writer('d')
  for (let round = 1; round <= 3; round += 1) {
    await Promise.all([first.publish(100), last.publish(100)])
    await mesh.whenAllHold(200 * round, 20_000)
  }
  await untilUpstream(mesh, 'd', { a: 'c', b: 'c', c: 'c' })
  await untilUpstream(mesh, 'a', { d: 'b', c: 'b', b: 'b' })
  await mesh.expectConverged([...first.acknowledged, ...last.acknowledged])
})

test('what a dead region left behind comes from the relay that has most of it', async () => {
  await using mesh = await Mesh.start({ regions: ['a', 'b', 'c', 'd'] })
  const writer = await mesh.writer('a')
  await writer.publish(100)
  await mesh.whenAllHold(100)
  // c and d hear a no more, and nobody else; b goes on.
  await Promise.all(['a', 'b'].flatMap((far) => ['c', 'd'].map((near) => mesh.lab.cut(near, far))))
  await mesh.lab.cut('c', 'd')
  await mesh.lab.cut('d', 'c')
  await writer.publish(250)
  await untilHolds(mesh, 'b', 350)
  await mesh.lab.region('a').kill('all')
  await mesh.lab.healAll()
  await untilHolds(mesh, 'c', 350)
  await untilHolds(mesh, 'd', 350)
  await mesh.lab.region('a').start('all')
  await mesh.expectConverged(writer.acknowledged)
})

test('a cheaper relay is preferred, and a dearer one is not', async () => {
  await using mesh = await Mesh.start({ regions: REGIONS })
  const writer = await mesh.writer('a')
  await writer.publish(50)
  await mesh.whenAllHold(50)
  await untilUpstream(mesh, 'c', { a: 'a' })
  await setCost(mesh, 'c', 'a', 1_000)
  await untilUpstream(mesh, 'c', { a: 'b' })
  await writer.publish(50)
  await mesh.whenAllHold(100)
  await setCost(mesh, 'c', 'a', 100)
  await untilUpstream(mesh, 'c', { a: 'a' })
  await writer.publish(50)
  await mesh.whenAllHold(150)
  await mesh.expectConverged(writer.acknowledged)
})
