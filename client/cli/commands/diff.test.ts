import { MeshError } from '@landbridge/core'
import { ApplyAction } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { testCertificate } from '../../testing/certificate.ts'
import { ran } from '../testing/test-context.ts'
import { TestRegion } from '../testing/test-region.ts'

type Outcome = {
  readonly kind: string
  readonly name: string
  readonly action: ApplyAction
  readonly changes: string[]
  readonly error?: string
}

const NOTHING: Outcome = { kind: 'Topic', name: 'acme/same', action: ApplyAction.UNCHANGED, changes: [] }
const UPDATED: Outcome = {
  kind: 'Topic',
  name: 'acme/orders',
  action: ApplyAction.UPDATED,
  changes: ['max_age 24h -> 48h'],
}
const REFUSED: Outcome = {
  kind: 'Topic',
  name: 'acme/x',
  action: ApplyAction.FAILED,
  changes: [],
  error: 'fewer partitions',
}

type Outcomes = readonly Outcome[]

/** `landbridge diff` of regions "a", "b" with these outcomes. */
async function diff(regions: readonly (Outcomes | 'away' | 'wrong')[], ...words: readonly string[]) {
  await using parts = new AsyncDisposableStack()
  const { cert } = await testCertificate()
  const endpoints: string[] = []
  const asked: boolean[] = []
  for (const [index, outcomes] of regions.entries()) {
    const name = String.fromCharCode(97 + index)
    const region = parts.use(
      await TestRegion.start(name, {
        apply: ({ dryRun }) => {
          asked.push(dryRun)
          if (outcomes === 'wrong') throw new MeshError('invalid_argument', 'document 1 is wrong')
          return { outcomes: outcomes === 'away' ? [] : [...outcomes] }
        },
      }),
    )
    endpoints.push(`${name}=${outcomes === 'away' ? 'localhost:1' : region.endpoint}`)
  }
  const env = { LANDBRIDGE_ENDPOINTS: endpoints.join(','), LANDBRIDGE_CA: cert }
  // One that is away is waited for.
  const timeout = regions.includes('away') ? '3s' : '30s'
  const result = await ran(['diff', '-f', '-', '--timeout', timeout, ...words], { env })
  // Never more than a dry run.
  expect(asked.every(Boolean)).toBe(true)
  return result
}

test('no difference ends with 0', async () => {
  expect(await diff([[NOTHING], [NOTHING]])).toMatchObject({ code: 0, stdout: 'No difference.\n', stderr: '' })
})

test('differences are shown for each region, and end with 1', async () => {
  const { code, stdout } = await diff([[NOTHING, UPDATED], [NOTHING]])
  expect(code).toBe(1)
  expect(stdout).toBe(
    'REGION  KIND   NAME         WOULD BE  CHANGES\na       Topic  acme/orders  updated   max_age 24h -> 48h\n',
  )
  const json = await diff([[NOTHING], [UPDATED]], '-o', 'json')
  expect(JSON.parse(json.stdout)).toMatchObject([{ region: 'b', name: 'acme/orders', action: 'updated' }])
})

test.each<[what: string, regions: Parameters<typeof diff>[0], code: number, text: RegExp]>([
  ['documents are wrong', ['wrong'], 2, /document 1 is wrong/],
  ['a region would refuse', [[UPDATED, REFUSED]], 2, /1 could not be applied/],
  ['a region is away', [[UPDATED], 'away'], 4, /1 of 2 regions/],
])('when %s, it ends with more than 1', async (_what, regions, wanted, text) => {
  const { code, stderr } = await diff(regions)
  expect(code).toBe(wanted)
  expect(stderr).toMatch(text)
})
