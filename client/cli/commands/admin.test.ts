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
  upstream: known ? 'eu' : '',
  gateway: known ? 'gw-0' : '',
  problem: known ? '' : 'refused',
  gaps: known ? 2n : 0n,
  ...(known ? { watermark: timestampFromMs(NOON - 5_000) } : {}),
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
  expect(one.code).toBe(2)
  expect(one.stderr).toContain('document 2 is wrong')
  const two = await command([a, b], ['apply', '-f', folder.path('bad.yaml'), '-f', folder.path('bad.yaml')])
  expect(two.code).toBe(2)
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
    cost: 100,
    rttMs: 80.25,
  }
  await using a = await TestRegion.start('a', { peers: () => ({ peers: [peer, { region: 'c' }] }) })
  const { code, stdout } = await command([a], ['peers'])
  expect(code).toBe(0)
  expect(stdout).toBe(
    'REGION  PEER  STATE         LAST CONTACT                RTT  COST  PULLS  ENDPOINTS  REASON\n' +
      'a       b     disconnected  1 minute 5 seconds ago  80.3 ms   100      3  h:1, h:2   refused\n' +
      'a       c     unknown       never                               0      0\n',
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
    'REGION  TOPIC        ORIGIN   BEHIND  OLDEST  WATERMARK      UPSTREAM  GATEWAY  GAPS  PROBLEM\n' +
      'a       acme/orders  us       12,345   4.2 s  5 seconds ago  eu        gw-0        2\n' +
      'a       x/y          us      unknown          unknown        none                  0  refused\n',
  )
  const [first] = JSON.parse((await command([a], ['lag', 'acme/orders', '-o', 'json'])).stdout)
  expect(first).toMatchObject({
    region: 'a',
    appliedSequence: 1,
    headSequence: 2,
    watermark: '2026-05-01T11:59:55.000Z',
  })
})

test('lag --summary: a row a topic, with its watermark only when every origin is known', async () => {
  const other = {
    ...lagOf('x/y', true),
    origin: 'ap',
    events: 5n,
    seconds: 9,
    watermark: timestampFromMs(NOON - 60_000),
  }
  await using a = await TestRegion.start('a', {
    lag: () => ({ lags: [lagOf('x/y', true), other, lagOf('x/z', true), { ...lagOf('x/z', false), origin: 'ap' }] }),
  })
  const { stdout } = await command([a], ['lag', '--summary'])
  expect(stdout).toBe(
    'REGION  TOPIC  ORIGINS              BEHIND  OLDEST  WATERMARK     GAPS  PROBLEM\n' +
      'a       x/y          2              12,350   9.0 s  1 minute ago     4\n' +
      'a       x/z          2  12,345 + 1 unknown   4.2 s  unknown          2  refused\n',
  )
})

// A dead region used to cost 10 s.
test.each([['lag'], ['peers'], ['apply']])('%s waits for a dead region a short time only', async (name) => {
  await using a = await TestRegion.start('a', { apply: () => ({ outcomes: [outcome] }) })
  const begun = performance.now()
  const { code, stderr } = await command([a, unavailable], name === 'apply' ? ['apply', '-f', '-'] : [name])
  expect(code).toBe(4)
  expect(stderr).toMatch(/b: .*no connection: connect ECONNREFUSED/)
  expect(performance.now() - begun).toBeLessThan(8_000)
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

test('--watch on a terminal writes over what is there', async () => {
  await using a = await TestRegion.start('a', { lag: () => ({ lags: [lagOf('x/y', true)] }) })
  const stop = new AbortController()
  const frames: string[] = []
  await command([a], ['lag', '--watch', '10ms', '--no-color'], {
    isTerminal: true,
    signal: stop.signal,
    onOutput: (text) => {
      if (frames.push(text) === 2) stop.abort(STOP.interrupted)
    },
  })
  expect(frames).toHaveLength(2)
  for (const text of frames) {
    expect(text.startsWith('\u001b[H2026-05-01T12:00:00.000Z\u001b[K\nREGION')).toBe(true)
    expect(text.endsWith('\u001b[K\n\u001b[J')).toBe(true)
  }
})

test('--watch ends when it is refused', async () => {
  const refuse = () => {
    throw new MeshError('permission_denied', 'not yours')
  }
  await using a = await TestRegion.start('a', { lag: refuse })
  expect((await command([a], ['lag', '--watch'])).code).toBe(3)
})
