import { writeFile } from 'node:fs/promises'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { MeshError } from '@landbridge/core'
import { ApplyAction, LinkState } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { testCertificate } from '../../testing/certificate.ts'
import { STOP } from '../context.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { NOON, ran, type TestContextOptions } from '../testing/test-context.ts'
import { TestRegion } from '../testing/test-region.ts'

/** Runs a command for regions "a", "b", ... */
async function command(
  regions: readonly { readonly endpoint: string }[],
  words: readonly string[],
  options: TestContextOptions = {},
) {
  const { cert } = await testCertificate()
  const endpoints = regions.map(({ endpoint }, index) => `${String.fromCharCode(97 + index)}=${endpoint}`)
  return await ran(words, { env: { LANDBRIDGE_ENDPOINTS: endpoints.join(','), LANDBRIDGE_CA: cert }, ...options })
}

const unavailable = { endpoint: 'localhost:1' }
const outcome = { kind: 'Topic', name: 'acme/orders', action: ApplyAction.CREATED, changes: ['one', 'two'] }
const lagOf = (topic: string, known: boolean) => ({
  topic,
  origin: 'us',
  events: 12_345n,
  seconds: 4.2,
  known,
  appliedSequence: 1n,
  headSequence: 2n,
})

test('apply goes to every region and shows a row for each document and region', async () => {
  await using a = await TestRegion.start('a', { apply: () => ({ outcomes: [outcome] }) })
  await using b = await TestRegion.start('b', {
    apply: () => ({ outcomes: [{ ...outcome, action: ApplyAction.UNCHANGED, changes: [] }] }),
  })
  await using folder = await temporaryFolder()
  await writeFile(folder.path('x.yaml'), 'x: 1')
  const { code, stdout } = await command([a, b], ['apply', '-f', '-', '-f', folder.path('x.yaml'), '--dry-run'])
  expect(code).toBe(0)
  expect(stdout).toBe(
    'REGION  KIND   NAME         WOULD BE   CHANGES\n' +
      'a       Topic  acme/orders  created    one; two\n' +
      'b       Topic  acme/orders  unchanged\n',
  )
  expect(a.applied).toMatchObject([{ documents: '\n---\nx: 1', dryRun: true }])
  expect(b.applied).toHaveLength(1)
})

test('apply tells of documents that failed', async () => {
  const failed = { ...outcome, action: ApplyAction.FAILED, changes: [], error: 'no room' }
  await using a = await TestRegion.start('a', { apply: () => ({ outcomes: [outcome, failed] }) })
  const { code, stdout, stderr } = await command([a], ['apply', '-f', '-', '-o', 'json'])
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject([
    { region: 'a', action: 'created' },
    { action: 'failed', error: 'no room' },
  ])
  expect(stderr).toContain('1 of 2 could not be applied')
})

test('apply ends at documents that are wrong, and names the file', async () => {
  const refuse = () => {
    throw new MeshError('invalid_argument', 'document 2 is wrong')
  }
  await using a = await TestRegion.start('a', { apply: refuse })
  await using b = await TestRegion.start('b', { apply: refuse })
  await using folder = await temporaryFolder()
  await writeFile(folder.path('bad.yaml'), 'kind: Nonsense')
  const one = await command([a, b], ['apply', '-f', '-'])
  expect(one.code).toBe(1)
  expect(one.stderr).toContain('document 2 is wrong')
  const two = await command([a, b], ['apply', '-f', folder.path('bad.yaml'), '-f', folder.path('bad.yaml')])
  expect(two.stderr).toContain('bad.yaml: ')
  expect(b.applied).toEqual([])
})

test('apply to a mesh with a region away: the others are done, and the code says so', async () => {
  await using a = await TestRegion.start('a', { apply: () => ({ outcomes: [outcome] }) })
  const { code, stdout, stderr } = await command([a, unavailable], ['apply', '-f', '-', '--timeout', '400ms'])
  expect(code).toBe(4)
  expect(stdout).toContain('acme/orders')
  expect(stderr).toContain('b: apply documents')
  expect(stderr).toContain('1 of 2 regions')
})

test('peers as each region sees them', async () => {
  const lastContact = timestampFromMs(NOON - 65_000)
  const peer = {
    region: 'b',
    endpoints: ['h:1', 'h:2'],
    state: LinkState.DISCONNECTED,
    reason: 'refused',
    lastContact,
    pulls: 3,
  }
  await using a = await TestRegion.start('a', { peers: () => ({ peers: [peer, { region: 'c' }] }) })
  const { code, stdout } = await command([a], ['peers'])
  expect(code).toBe(0)
  expect(stdout).toBe(
    'REGION  PEER  STATE         LAST CONTACT            PULLS  ENDPOINTS  REASON\n' +
      'a       b     disconnected  1 minute 5 seconds ago      3  h:1, h:2   refused\n' +
      'a       c     unknown       never                       0\n',
  )
  const json = await command([a], ['peers', '-o', 'json'])
  expect(JSON.parse(json.stdout)[0]).toMatchObject({ region: 'a', peer: 'b', state: 'disconnected' })
})

test('lag, and that nobody knows it', async () => {
  await using a = await TestRegion.start('a', {
    lag: ({ topic }) => ({ lags: [lagOf(topic, true), lagOf('x/y', false)] }),
  })
  const { stdout } = await command([a], ['lag', 'acme/orders'])
  expect(stdout).toBe(
    'REGION  TOPIC        ORIGIN   BEHIND  OLDEST  APPLIED  HEAD\n' +
      'a       acme/orders  us       12,345   4.2 s        1     2\n' +
      'a       x/y          us      unknown                1     2\n',
  )
})

test('two gateways of one region answer once', async () => {
  await using a = await TestRegion.start('a', { lag: () => ({ lags: [lagOf('x/y', true)] }) })
  const { cert } = await testCertificate()
  const env = {
    LANDBRIDGE_ENDPOINTS: `${a.endpoint},127.0.0.1:${a.endpoint.split(':')[1]}`,
    LANDBRIDGE_CA: cert,
    LANDBRIDGE_SERVER_NAME: 'localhost',
  }
  const { stdout } = await ran(['lag', '-o', 'json'], { env })
  expect(JSON.parse(stdout)).toHaveLength(1)
})

test('--watch looks again until it is told to stop, also with a region away', async () => {
  await using a = await TestRegion.start('a', { lag: () => ({ lags: [lagOf('x/y', true)] }) })
  const { cert } = await testCertificate()
  const stop = new AbortController()
  let tables = 0
  const { code, stdout, stderr } = await ran(['lag', '--watch', '10ms'], {
    env: { LANDBRIDGE_ENDPOINTS: `a=${a.endpoint},b=localhost:1`, LANDBRIDGE_CA: cert },
    signal: stop.signal,
    onOutput: () => {
      tables += 1
      if (tables === 2) stop.abort(STOP.interrupted)
    },
  })
  expect(code).toBe(130)
  expect(stdout.match(/REGION/g)).toHaveLength(2)
  expect(stderr).toContain('b: get lag')
})

test('--watch ends when it is refused', async () => {
  const refuse = () => {
    throw new MeshError('permission_denied', 'not yours')
  }
  await using a = await TestRegion.start('a', { lag: refuse })
  expect((await command([a], ['lag', '--watch'])).code).toBe(3)
})
