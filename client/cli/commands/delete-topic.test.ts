import { MeshError } from '@landbridge/core'
import { ApplyAction } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { testCertificate } from '../../testing/certificate.ts'
import { ran, type TestContextOptions } from '../testing/test-context.ts'
import { TestRegion } from '../testing/test-region.ts'

const NAME = 'acme/orders'
const outcome = { kind: 'Topic', name: NAME, action: ApplyAction.DELETED, changes: ['stream lb_acme_orders goes'] }

async function deleteIn(regions: readonly TestRegion[], flags: readonly string[], options: TestContextOptions = {}) {
  const { cert } = await testCertificate()
  const endpoints = regions.map(({ endpoint }, index) => `${String.fromCharCode(97 + index)}=${endpoint}`)
  const env = { LANDBRIDGE_ENDPOINTS: endpoints.join(','), LANDBRIDGE_CA: cert }
  return await ran(['topics', 'delete', NAME, ...flags], { env, ...options })
}

/** What the regions were asked to do for good. */
const done = (region: TestRegion) => region.deleted.filter(({ dryRun }) => !dryRun).length

test('--yes deletes in every region where it is', async () => {
  await using a = await TestRegion.start('a', { delete: () => ({ outcomes: [outcome] }) })
  await using b = await TestRegion.start('b', {
    delete: () => ({ outcomes: [{ ...outcome, action: ApplyAction.UNCHANGED, changes: [] }] }),
  })
  const { code, stdout } = await deleteIn([a, b], ['--yes'])
  expect(code).toBe(0)
  expect(stdout).toBe(
    'REGION  TOPIC        ACTION     EVENTS\n' +
      'a       acme/orders  deleted    stream lb_acme_orders goes\n' +
      'b       acme/orders  not there\n',
  )
  expect(a.deleted.at(-1)?.documents).toMatchObject([{ kind: 'Topic', name: NAME }])
})

test('--dry-run deletes nothing', async () => {
  await using a = await TestRegion.start('a', { delete: () => ({ outcomes: [outcome] }) })
  const { code, stdout } = await deleteIn([a], ['--dry-run'])
  expect([code, done(a)]).toEqual([0, 0])
  expect(stdout).toContain('WOULD BE')
})

test('without a terminal it wants --yes', async () => {
  await using a = await TestRegion.start('a', { delete: () => ({ outcomes: [outcome] }) })
  const { code, stderr } = await deleteIn([a], [], { stdin: `${NAME}\n` })
  expect([code, done(a)]).toEqual([2, 0])
  expect(stderr).toContain('wanted --yes')
})

test.each([
  [`${NAME}\n`, 0, 1],
  ['y\n', 1, 0],
  ['', 1, 0],
])('on a terminal the name must be typed: %j', async (typed, code, times) => {
  await using a = await TestRegion.start('a', { delete: () => ({ outcomes: [outcome] }) })
  const result = await deleteIn([a], [], { stdin: typed, isTerminal: true })
  expect([result.code, done(a)]).toEqual([code, times])
  expect(result.stderr).toContain('a: topic goes; stream lb_acme_orders goes')
})

test('a topic that is nowhere is an error, and so is a refusal', async () => {
  await using a = await TestRegion.start('a', {
    delete: () => ({ outcomes: [{ ...outcome, action: ApplyAction.UNCHANGED }] }),
  })
  const nowhere = await deleteIn([a], ['--yes'])
  expect(nowhere.code).toBe(1)
  expect(nowhere.stderr).toContain('acme/orders is not known in a')
  await using b = await TestRegion.start('b', {
    delete: () => {
      throw new MeshError('permission_denied', 'not yours')
    },
  })
  expect((await deleteIn([b], ['--yes'])).code).toBe(3)
})

test('what fails in a region is told', async () => {
  const failed = { ...outcome, action: ApplyAction.FAILED, changes: [], error: 'no' }
  await using a = await TestRegion.start('a', { delete: () => ({ outcomes: [failed] }) })
  const { code, stderr } = await deleteIn([a], ['--yes'])
  expect(code).toBe(1)
  expect(stderr).toContain('failed in 1 of 1 regions')
})
