import { MeshError, parseDocuments } from '@landbridge/core'
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

type Regions = readonly (Outcomes | 'away' | 'wrong')[]

/** `landbridge diff` of regions "a", "b" with these outcomes. */
const diff = async (regions: Regions, ...words: readonly string[]) => (await diffOf('', regions, ...words)).result

/** The same of a text; and what the regions were given. */
async function diffOf(stdin: string, regions: Regions, ...words: readonly string[]) {
  await using parts = new AsyncDisposableStack()
  const { cert } = await testCertificate()
  const endpoints: string[] = []
  const asked: { readonly documents: string; readonly dryRun: boolean }[] = []
  for (const [index, outcomes] of regions.entries()) {
    const name = String.fromCharCode(97 + index)
    const region = parts.use(
      await TestRegion.start(name, {
        apply: ({ documents, dryRun }) => {
          asked.push({ documents, dryRun })
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
  const result = await ran(['diff', '-f', '-', '--timeout', timeout, ...words], { env, stdin })
  // Never more than a dry run.
  expect(asked.every(({ dryRun }) => dryRun)).toBe(true)
  return { result, asked: asked.map(({ documents }) => documents) }
}

const FOREIGN = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: acme }\n'
const TOPIC = 'apiVersion: landbridge.dev/v1alpha1\nkind: Topic\nmetadata: { namespace: acme, name: same }\nspec: {}\n'

test('documents of other API groups are skipped, and named', async () => {
  const { result, asked } = await diffOf(`${FOREIGN}---\n${TOPIC}`, [[NOTHING]])
  expect(result).toMatchObject({ code: 0, stdout: 'No difference.\n' })
  expect(result.stderr).toBe('standard input: skipped what is not of landbridge.dev: v1 Namespace acme\n')
  expect(asked).toHaveLength(1)
  expect(parseDocuments(asked[0] ?? '').value).toHaveLength(1)
})

test('of many skipped documents some are named', async () => {
  const { result } = await diffOf(`${FOREIGN}---\n`.repeat(12) + TOPIC, [[NOTHING]])
  expect(result.stderr).toMatch(/: v1 Namespace acme(, v1 Namespace acme){9} and 2 more\n$/)
})

test('documents of other API groups alone are an error, and no region is asked', async () => {
  const { result, asked } = await diffOf(FOREIGN, [[NOTHING]])
  expect(result).toMatchObject({ code: 2, stdout: '' })
  expect(result.stderr).toContain('standard input has none of landbridge.dev, only v1 Namespace acme')
  expect(asked).toEqual([])
})

test('an unknown kind of the mesh goes to the region, which refuses it', async () => {
  const text = TOPIC.replace('Topic', 'Queue')
  expect(await diffOf(text, ['wrong'])).toMatchObject({ result: { code: 2 }, asked: [text] })
})

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
