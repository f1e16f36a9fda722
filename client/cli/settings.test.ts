import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { readSettings, tokenOf } from './settings.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'

const env = {
  LANDBRIDGE_ENDPOINTS: 'us-east=localhost:1, eu-west=localhost:2,',
  LANDBRIDGE_TOKEN: 'from-env',
  LANDBRIDGE_CA: '/ca.crt',
}

test('the environment is enough', () => {
  expect(readSettings({ color: true }, env)).toEqual({
    endpoints: ['us-east=localhost:1', 'eu-west=localhost:2'],
    token: 'from-env',
    tls: { ca: '/ca.crt', cert: undefined, key: undefined, serverName: undefined },
    timeoutMs: undefined,
  })
})

test('flags win over the environment, an empty variable counts as none', () => {
  const flags = { color: true, endpoints: 'localhost:3', token: 'from-flag', tlsServerName: 'gateway', timeout: 5 }
  expect(readSettings(flags, { ...env, LANDBRIDGE_CA: '' })).toEqual({
    endpoints: ['localhost:3'],
    token: 'from-flag',
    tls: { ca: undefined, cert: undefined, key: undefined, serverName: 'gateway' },
    timeoutMs: 5,
  })
})

test('a token file is read at each use, and wins over a token of the environment', async () => {
  await using folder = await temporaryFolder()
  const tokenFile = folder.path('token')
  const token = tokenOf({ color: true, tokenFile }, env)
  if (typeof token !== 'function') throw new Error('wanted a function')
  await expect(token()).rejects.toThrow('cannot be read')
  await writeFile(tokenFile, 'first\n')
  expect(await token()).toBe('first')
  await writeFile(tokenFile, 'second')
  expect(await token()).toBe('second')
  await writeFile(tokenFile, '\n')
  await expect(token()).rejects.toThrow('is empty')
})

test('two tokens on the command line are one too many', () => {
  expect(() => tokenOf({ color: true, token: 'a', tokenFile: 'b' }, {})).toThrow('wanted one')
})
