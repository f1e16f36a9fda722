import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { testCertificate } from '../../testing/certificate.ts'
import { ran, type TestContextOptions } from '../testing/test-context.ts'
import { TestRegion } from '../testing/test-region.ts'

/** A region that holds 5 events of us-east and gives 2 of them back a call. */
async function startHolder() {
  let left = 5
  let calls = 0
  const region = await TestRegion.start('eu-west', {
    retire: ({ region: gone, dryRun, eventsMax }) => {
      expect([gone, eventsMax]).toEqual(['us-east', 200_000])
      calls += dryRun ? 0 : 1
      const events = Math.min(2, left)
      if (!dryRun) left -= events
      return { topics: events === 0 ? [] : [{ topic: 'acme/orders', events: BigInt(events) }], more: left > 0 }
    },
  })
  return { region, calls: () => calls, [Symbol.asyncDispose]: () => region[Symbol.asyncDispose]() }
}

async function retire(region: TestRegion, flags: readonly string[], options: TestContextOptions = {}) {
  const { cert } = await testCertificate()
  const env = { LANDBRIDGE_ENDPOINTS: region.endpoint, LANDBRIDGE_CA: cert }
  return await ran(['peers', 'retire', 'us-east', ...flags], { env, ...options })
}

test('--yes gives back as long as there is more', async () => {
  await using holder = await startHolder()
  const { code, stdout } = await retire(holder.region, ['--yes'])
  expect([code, holder.calls()]).toEqual([0, 3])
  expect(stdout).toBe('REGION   TOPIC        GIVEN BACK\neu-west  acme/orders           5\n')
})

test('--dry-run only counts', async () => {
  await using holder = await startHolder()
  const { code, stdout } = await retire(holder.region, ['--dry-run'])
  expect([code, holder.calls()]).toEqual([0, 0])
  expect(stdout).toContain('2 or more')
})

test.each([
  ['us-east\n', 0, 3],
  ['y\n', 1, 0],
])('on a terminal the name must be typed: %j', async (stdin, code, calls) => {
  await using holder = await startHolder()
  const result = await retire(holder.region, [], { stdin, isTerminal: true })
  expect([result.code, holder.calls()]).toEqual([code, calls])
  expect(result.stderr).toContain('eu-west: acme/orders: 2 or more events to give back')
})

test('a region that is connected is not gone', async () => {
  await using region = await TestRegion.start('eu-west', {
    retire: () => {
      throw new MeshError('failed_precondition', 'retire: us-east is connected, wanted a region that is gone for good')
    },
  })
  const { code, stderr } = await retire(region, ['--yes'])
  expect(code).toBe(1)
  expect(stderr).toContain('us-east is connected')
})
