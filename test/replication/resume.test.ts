import { expect, test } from 'vitest'
import { Mesh } from './mesh.ts'

/** The design's promise: events flow again this soon after a link heals. */
const RESUME_MS = 2_000

for (const mode of ['refused', 'stalled', 'blackhole'] as const) {
  test(`a link that was ${mode} carries events within 2 s after it heals`, async () => {
    await using mesh = await Mesh.start()
    const east = await mesh.writer('us-east')
    await east.publish(100)
    await mesh.whenAllHold(100)
    await mesh.lab.partition('us-east', 'eu-west', mode)
    await east.publish(100)
    await expect.poll(() => lagOf(mesh), { timeout: 6_000 }).toMatchObject({ known: false })
    await mesh.lab.healAll()
    const healedAt = performance.now()
    await mesh.whenAllHold(200)
    expect(performance.now() - healedAt).toBeLessThan(RESUME_MS)
    await mesh.expectConverged(east.acknowledged)
    await expect.poll(() => lagOf(mesh)).toMatchObject({ known: true, events: 0n, seconds: 0 })
  })
}

test('a restarted gateway goes on at the exact event', async () => {
  await using mesh = await Mesh.start()
  const east = await mesh.writer('us-east')
  await east.publish(300)
  await mesh.whenAllHold(300)
  for (let round = 0; round < 3; round += 1) {
    await mesh.lab.region('eu-west').kill('gateway')
    await east.publish(200)
    await mesh.lab.region('eu-west').start('gateway')
    await mesh.whenAllHold(300 + 200 * (round + 1))
  }
  const contents = await mesh.expectConverged(east.acknowledged)
  const positions = contents.get('eu-west')?.map((record) => record.position.sequence)
  expect(positions).toEqual(Array.from({ length: 900 }, (_, index) => index + 1))
})

async function lagOf(mesh: Mesh) {
  const { lags } = await mesh.admin('eu-west').getLag()
  return lags.find(({ origin }) => origin === 'us-east')
}
