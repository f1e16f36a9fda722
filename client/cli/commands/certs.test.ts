import { X509Certificate } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { NOON, ran } from '../testing/test-context.ts'

const DAY_MS = 86_400_000

async function authority() {
  const folder = await temporaryFolder()
  const made = await ran(['certs', 'ca', '--name', 'Our, authority', '--out', folder.path('ca')])
  expect(made.code).toBe(0)
  return folder
}

async function certificate(file: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(file))
}

test('an authority signs a server certificate with every name', async () => {
  await using folder = await authority()
  const names = [
    '--dns',
    'localhost',
    '--dns',
    'gw.example',
    '--ip',
    '127.0.0.1',
    '--spiffe',
    'spiffe://mesh/region/us',
  ]
  const out = folder.path('gateway')
  const issued = await ran(['certs', 'issue', '--ca', folder.path('ca.crt'), '--name', 'gw', '--out', out, ...names])
  expect(issued).toMatchObject({ code: 0, stderr: '' })
  expect(issued.stdout).toContain('valid, expires in 30 days')
  const ca = await certificate(folder.path('ca.crt'))
  const server = await certificate(`${out}.crt`)
  expect(server.verify(ca.publicKey)).toBe(true)
  expect(server.checkIssued(ca)).toBe(true)
  expect(server.subjectAltName).toBe('DNS:localhost, DNS:gw.example, IP Address:127.0.0.1, URI:spiffe://mesh/region/us')
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  expect(ca.subject).toBe('CN=Our\\, authority')
  expect((await stat(`${out}.key`)).mode & 0o777).toBe(0o600)
})

test('without names it is a client certificate, and never outlives its authority', async () => {
  await using folder = await authority()
  const words = ['--name', 'billing', '--spiffe', 'spiffe://mesh/ns/acme/sa/billing', '--valid', '1000d']
  await ran(['certs', 'issue', '--ca', folder.path('ca.crt'), '--out', folder.path('client'), ...words])
  const client = await certificate(folder.path('client.crt'))
  expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(client.validToDate).toEqual((await certificate(folder.path('ca.crt'))).validToDate)
})

test('inspect tells what certificates say, of several files', async () => {
  await using folder = await authority()
  const file = folder.path('ca.crt')
  const text = await ran(['certs', 'inspect', file, file], { now: NOON + 366 * DAY_MS })
  expect(text.stdout.match(/expired 1 day ago/g)).toHaveLength(2)
  expect(text.stdout).toContain('yes, may sign certificates')
  const json = await ran(['certs', 'inspect', '-', '-o', 'json'], { stdin: await readFile(file, 'utf8') })
  expect(JSON.parse(json.stdout)).toMatchObject([
    { file: '-', state: 'valid', authority: true, key: 'ec prime256v1', jwk: { kty: 'EC', crv: 'P-256' } },
  ])
})

test('files that are there stay as they are without --force', async () => {
  await using folder = await authority()
  const before = await readFile(folder.path('ca.key'), 'utf8')
  const again = ['certs', 'ca', '--out', folder.path('ca')]
  const refused = await ran(again)
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--force')
  expect(await readFile(folder.path('ca.key'), 'utf8')).toBe(before)
  expect((await ran([...again, '--force'])).code).toBe(0)
  expect(await readFile(folder.path('ca.key'), 'utf8')).not.toBe(before)
})

test.each([
  [['--ca', 'client.crt'], 'may not sign'],
  [['--ca', 'ca.crt', '--ca-key', 'client.key'], 'is not the key of'],
  [['--ca', 'ca.crt', '--ca-key', 'ca.crt'], 'cannot be read'],
  [['--ca', 'text', '--ca-key', 'ca.key'], 'holds no certificate'],
  [['--ca', 'none.crt'], 'cannot be read'],
])('issue with %j is refused and writes nothing', async (words, text) => {
  await using folder = await authority()
  await ran(['certs', 'issue', '--ca', folder.path('ca.crt'), '--name', 'c', '--out', folder.path('client')])
  await writeFile(folder.path('text'), 'no certificate')
  const paths = words.map((word) => (word.startsWith('--') ? word : folder.path(word)))
  const { code, stderr } = await ran(['certs', 'issue', '--name', 'x', '--out', folder.path('x'), ...paths])
  expect(code).toBe(2)
  expect(stderr).toContain(text)
  await expect(stat(folder.path('x.crt'))).rejects.toThrow('ENOENT')
  await expect(stat(folder.path('x.key'))).rejects.toThrow('ENOENT')
})

test('an authority that has ended signs nothing', async () => {
  await using folder = await authority()
  const words = ['certs', 'issue', '--ca', folder.path('ca.crt'), '--name', 'x', '--out', folder.path('x')]
  expect(await ran(words, { now: NOON + 366 * DAY_MS })).toMatchObject({ code: 2 })
})

test.each([
  [['certs', 'issue', '--name', 'x', '--ip', 'localhost'], 'IPv4'],
  [['certs', 'issue', '--name', 'x', '--spiffe', 'https://x/y'], 'spiffe://'],
  [['certs', 'inspect', '/nonexistent'], 'cannot be read'],
])('%j is refused', async (words, text) => {
  const { code, stderr } = await ran(words)
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})
