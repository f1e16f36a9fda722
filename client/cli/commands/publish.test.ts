import { writeFile } from 'node:fs/promises'
import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { testCertificate } from '../../testing/certificate.ts'
import { TestGateway } from '../../testing/test-gateway.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { ran, type TestContextOptions } from '../testing/test-context.ts'

async function publish(gateway: TestGateway, words: readonly string[], options: TestContextOptions = {}) {
  const { cert } = await testCertificate()
  const env = { LANDBRIDGE_ENDPOINTS: `us-east=${gateway.endpoint}`, LANDBRIDGE_CA: cert, LANDBRIDGE_TOKEN: 'secret' }
  return await ran(['publish', 'acme/orders', ...words], { env, ...options })
}

test('an event from the command line', async () => {
  await using gateway = await TestGateway.start('us-east')
  const flags = ['-t', 'made', '--id', '7', '--subject', 'order', '-k', 'customer', '-e', 'tier=gold', '-d', '{"a":1}']
  expect(await publish(gateway, flags)).toEqual({ code: 0, stdout: '7  us-east #1\n', stderr: '' })
  expect(gateway.tokens).toEqual(['Bearer secret'])
  expect(gateway.publishes[0]?.events[0]).toMatchObject({
    id: '7',
    source: 'landbridge-cli',
    type: 'made',
    data: { case: 'textData', value: '{"a":1}' },
    attributes: {
      subject: { attr: { value: 'order' } },
      partitionkey: { attr: { value: 'customer' } },
      tier: { attr: { value: 'gold' } },
      datacontenttype: { attr: { value: 'application/json' } },
    },
  })
  expect((await publish(gateway, flags)).stdout).toBe('7  us-east #1  stored before\n')
  const json = await publish(gateway, [...flags, '-o', 'json'])
  expect(JSON.parse(json.stdout)).toEqual({
    id: '7',
    region: 'us-east',
    sequence: 1,
    duplicate: true,
    regions: ['us-east'],
    degraded: false,
  })
})

test('data from standard input and from a file, bytes as they are', async () => {
  await using gateway = await TestGateway.start('us-east')
  await using folder = await temporaryFolder()
  await writeFile(folder.path('data'), Buffer.of(0xff, 0x00))
  await publish(gateway, ['-', '-t', 'x'], { stdin: ['hel', 'lo\n'] })
  await publish(gateway, ['-t', 'x', '-f', folder.path('data')])
  expect(gateway.publishes.map((request) => request.events[0]?.data)).toMatchObject([
    { case: 'textData', value: 'hello\n' },
    { case: 'binaryData', value: Buffer.of(0xff, 0) },
  ])
})

test('one event a line, in order', async () => {
  await using gateway = await TestGateway.start('us-east')
  const stdin = ['{"specversion":"1.0","type":"a","id":"one"}\n{"n"', ':2}\n\n[3]']
  const { code, stdout } = await publish(gateway, ['--ndjson', '-t', 'b'], {
    stdin,
  })
  expect(code).toBe(0)
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split('  ')[1]),
  ).toEqual(['us-east #1', 'us-east #2', 'us-east #3'])
  const events = gateway.publishes.flatMap((request) => request.events)
  expect(events.map(({ type, data }) => [type, data.value])).toEqual([
    ['a', undefined],
    ['b', '{"n":2}'],
    ['b', '[3]'],
  ])
})

test('lines stop at the first that is wrong; those before it are published', async () => {
  await using gateway = await TestGateway.start('us-east')
  const { code, stderr } = await publish(gateway, ['--ndjson', '-t', 'b'], {
    stdin: '1\n2\n{\n4\n',
  })
  expect(code).toBe(1)
  expect(stderr).toContain('line 3: is no JSON')
  expect(stderr).toContain('published before it: 2')
  expect(gateway.stored).toHaveLength(2)
})

test('lines stop at the first event that is not acknowledged', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.fate = (event) => (event.type === 'bad' ? new MeshError('permission_denied', 'not this one') : 'store')
  const line = (type: string) => `{"specversion":"1.0","type":"${type}","id":"${type}"}\n`
  const { code, stdout, stderr } = await publish(gateway, ['--ndjson', '-o', 'json'], {
    stdin: line('good') + line('bad'),
  })
  expect(code).toBe(3)
  const results = stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
  expect(results).toMatchObject([{ id: 'good' }, { id: 'bad', error: { code: 'permission_denied', ambiguous: false } }])
  expect(stderr).toContain('stopped after 1 events')
})

test('a refusal says why and ends with its code', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.fate = () => new MeshError('invalid_argument', 'event: is too large')
  const { code, stdout, stderr } = await publish(gateway, ['-t', 'x'])
  expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: 'landbridge: event: is too large\n' })
})

test('an event that may be stored: the hint says how to publish it again', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.afterStore = () => {
    throw new MeshError('unavailable', 'lost')
  }
  const { code, stderr } = await publish(gateway, ['-t', 'x', '--id', '9', '--timeout', '500ms'])
  expect(code).toBe(4)
  expect(stderr).toContain('--id 9 --source landbridge-cli')
})

test('a receipt names the regions that hold the event, and says when it is degraded', async () => {
  await using gateway = await TestGateway.start('us-east')
  gateway.receipt = { region: 'eu-west', regions: ['eu-west', 'ap-south'] }
  expect((await publish(gateway, ['-t', 'x', '--id', '1'])).stdout).toBe('1  eu-west #1  also in ap-south\n')
  gateway.receipt = { degraded: true }
  expect((await publish(gateway, ['-t', 'x', '--id', '2'])).stdout).toBe(
    '2  us-east #2  degraded: no other region has it yet\n',
  )
  const json = await publish(gateway, ['-t', 'x', '--id', '3', '-o', 'json'])
  expect(JSON.parse(json.stdout)).toMatchObject({ region: 'us-east', regions: ['us-east'], degraded: true })
})
