import { expect, test } from 'vitest'
import { keepNewest } from './faults.ts'
import { Mesh } from './mesh.ts'

/** These machines may be busy. */
const PATIENT = { timeout: 40_000 }

/** `eu-west` is at event 100 of `us-east`, which stored 300 and keeps the newest `kept`. */
async function startBehind(regions: readonly string[], kept: number) {
  const mesh = await Mesh.start({ regions: [...regions] })
  const east = await mesh.writer('us-east')
  await east.publish(100)
  await mesh.whenAllHold(100)
  const others = regions.filter((region) => region !== 'eu-west')
  for (const region of others) await mesh.lab.partition('eu-west', region)
  await east.publish(200)
  await expect.poll(() => heldBy(mesh, others), PATIENT).toEqual(others.map(() => 300))
  await keepNewest(mesh, 'us-east', kept)
  return { mesh, east, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

async function heldBy(mesh: Mesh, regions: readonly string[]) {
  const contents = await mesh.contents()
  return regions.map((region) => contents.get(region)?.length)
}

async function lagOf(mesh: Mesh) {
  const { lags } = await mesh.admin('eu-west').getLag()
  return lags.find(({ origin }) => origin === 'us-east')
}

test('what nobody keeps any more is written down, and events go on behind it', { timeout: 120_000 }, async () => {
  await using behind = await startBehind(['us-east', 'eu-west'], 150)
  const { mesh, east } = behind
  await mesh.lab.healAll()
  // It is shown while it may still turn out otherwise, too.
  await expect.poll(() => lagOf(mesh), PATIENT).toMatchObject({ problem: expect.stringMatching(/no longer/) })
  await expect.poll(() => heldBy(mesh, ['eu-west']), PATIENT).toEqual([250])
  const sequences = (await mesh.contents()).get('eu-west')?.map(({ position }) => position.sequence)
  expect(sequences?.slice(99, 101)).toEqual([100, 151])
  expect(await mesh.admin('eu-west').counter('retention_gaps_total')).toBe(1)
  await expect.poll(() => lagOf(mesh), PATIENT).toMatchObject({ gaps: 1n, problem: '', known: true, events: 0n })
  // It is in the data: another gateway knows of it, and goes on all the same.
  await mesh.lab.region('eu-west').kill('gateway')
  await mesh.lab.region('eu-west').start('gateway')
  await east.publish(50)
  await expect.poll(() => heldBy(mesh, ['eu-west']), PATIENT).toEqual([300])
  await expect.poll(() => lagOf(mesh), PATIENT).toMatchObject({ gaps: 1n, known: true, events: 0n })
})

test('what another region still keeps is got from there', { timeout: 120_000 }, async () => {
  await using behind = await startBehind(['us-east', 'eu-west', 'ap-south'], 150)
  const { mesh } = behind
  await mesh.lab.healAll()
  await expect.poll(() => heldBy(mesh, ['eu-west']), PATIENT).toEqual([300])
  expect(await mesh.admin('eu-west').counter('retention_gaps_total')).toBe(0)
  await expect.poll(() => lagOf(mesh), PATIENT).toMatchObject({ gaps: 0n, problem: '', known: true })
})
