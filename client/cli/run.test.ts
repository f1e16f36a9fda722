import { expect, test } from 'vitest'
import { STOP } from './context.ts'
import { ran } from './testing/test-context.ts'

test('help of every command exists and ends well', async () => {
  for (const words of [
    [],
    ['publish'],
    ['subscribe'],
    ['topics'],
    ['topics', 'list'],
    ['topics', 'get'],
    ['apply'],
    ['peers'],
    ['lag'],
    ['token', 'inspect'],
    ['token', 'sign'],
    ['token', 'jwks'],
    ['certs', 'ca'],
    ['certs', 'issue'],
    ['certs', 'inspect'],
    ['completion'],
  ]) {
    const { code, stdout, stderr } = await ran([...words, '--help'])
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' })
    expect(stdout).toContain(`Usage: landbridge ${words.join(' ')}`.trim())
  }
})

test('help of local commands leaves the connection out', async () => {
  expect((await ran(['certs', 'ca', '--help'])).stdout).not.toContain('--endpoints')
  expect((await ran(['peers', '--help'])).stdout).toContain('--endpoints')
})

test('the version', async () => {
  expect(await ran(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' })
})

test.each([
  [['nonsense'], "unknown command 'nonsense'"],
  [['peers', '--nonsense'], "unknown option '--nonsense'"],
  [['topics', 'get', 'orders'], 'Wanted <tenant>/<topic>'],
  [['topics', 'get', 'Acme/orders'], 'tenant is "Acme"'],
  [['topics', '--timeout', 'soon'], 'Wanted a duration'],
  [['topics', '-o', 'xml'], 'Allowed choices are table, json'],
  [['subscribe', 'a/b', '-n', '0'], 'at least 1'],
  [['subscribe', 'a/b', '--from', 'yesterday'], 'Wanted latest, earliest'],
  [['peers'], 'LANDBRIDGE_ENDPOINTS'],
  [['peers', '--endpoints', 'nowhere'], 'wanted "host:port"'],
  [['peers', '--endpoints', 'localhost:1', '--tls-ca', '/nonexistent'], 'cannot read ca'],
  [['peers', '--endpoints', 'x=localhost:1', '--region', 'y'], 'region: is y, wanted one of x'],
  [['publish', 'a/b', '--endpoints', 'localhost:1', '-d', '1'], 'wanted --type'],
  [['publish', 'a/b', '-t', 'x', '-d', '1', '-f', 'y'], 'wanted one'],
  [['publish', 'a/b', 'file', '-t', 'x'], 'name files with --file'],
  [['publish', 'a/b', '--ndjson', '-d', '1'], 'wanted --file or standard input'],
  [['publish', 'a/b', '-t', 'x', '-e', 'Name=1'], 'lower-case'],
  [['apply', '-f', '/nonexistent', '--endpoints', 'localhost:1'], 'cannot be read'],
])('%j is a usage error', async (words, text) => {
  const { code, stdout, stderr } = await ran(words)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(text)
})

test('no gateway: unavailable, and the error says what to check', async () => {
  const { code, stderr } = await ran(['topics', '--endpoints', 'localhost:1', '--timeout', '300ms'])
  expect(code).toBe(4)
  expect(stderr).toContain('--endpoints')
})

test.each([
  [STOP.interrupted, 130],
  [STOP.pipeClosed, 0],
])('told to stop (%s) it ends with %d and without a word', async (reason, code) => {
  const words = ['topics', '--endpoints', 'localhost:1', '--timeout', '5s']
  expect(await ran(words, { signal: AbortSignal.abort(reason) })).toEqual({ code, stdout: '', stderr: '' })
})
