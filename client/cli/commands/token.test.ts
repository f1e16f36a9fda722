import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { NOON, ran } from '../testing/test-context.ts'

const SIGN = ['--iss', 'https://id', '--aud', 'mesh', '--sub', 'ann']

test.each([
  ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256'],
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'ES384'],
  ['Ed25519', generateKeyPairSync('ed25519'), 'EdDSA'],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'RS256'],
])('a token signed with %s verifies against its key set', async (_name, { privateKey }, algorithm) => {
  await using folder = await temporaryFolder()
  const pem = folder.path('key.pem')
  const jwk = folder.path('key.jwk')
  await writeFile(pem, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await writeFile(jwk, JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'mine' }))
  for (const file of [pem, jwk]) {
    const words = ['--group', 'a', '--group', 'b', '--claim', 'n={"x":1}', '--claim', 't=text', '--ttl', '2h']
    const signed = await ran(['token', 'sign', '--key', file, ...SIGN, ...words])
    const keys = await ran(['token', 'jwks', '--key', file])
    const { payload, protectedHeader } = await jwtVerify(
      signed.stdout.trim(),
      createLocalJWKSet(JSON.parse(keys.stdout)),
      { issuer: 'https://id', audience: 'mesh', currentDate: new Date(NOON) },
    )
    expect(payload).toMatchObject({ sub: 'ann', groups: ['a', 'b'], n: { x: 1 }, t: 'text', exp: NOON / 1000 + 7_200 })
    expect(protectedHeader.alg).toBe(algorithm)
    if (file === jwk) expect(protectedHeader.kid).toBe('mine')
    expect(keys.stdout).not.toContain('"d"')
  }
})

test('inspect tells who and how long', async () => {
  await using folder = await temporaryFolder()
  const key = folder.path('key.pem')
  await writeFile(key, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const { stdout: token } = await ran(['token', 'sign', '--key', key, ...SIGN, '--kid', 'k'])
  const shown = await ran(['token', 'inspect', `Bearer ${token}`])
  expect(shown.stdout).toMatch(/^validity {3}valid, expires in 1 hour\nsubject {4}ann\n/)
  expect(shown.stdout).toContain('EdDSA, key k, not verified')
  const later = { now: NOON + 3_600_000 + 65_000 }
  expect((await ran(['token', 'inspect', '-'], { ...later, stdin: token })).stdout).toContain(
    'expired 1 minute 5 seconds ago',
  )
  const json = await ran(['token', '-o', 'json'], { ...later, env: { LANDBRIDGE_TOKEN: token } })
  expect(JSON.parse(json.stdout)).toMatchObject({ state: 'expired', header: { kid: 'k' }, claims: { sub: 'ann' } })
})

test.each([
  ['not a key', 'holds no private key'],
  ['{"kty":"EC"}', 'holds no private key'],
  [generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), 'is of type x25519'],
  [generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }), '2048'],
  [generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }), 'holds no private key'],
])('a key that cannot sign is refused', async (stdin, text) => {
  const { code, stdout, stderr } = await ran(['token', 'sign', '--key', '-', ...SIGN], { stdin: String(stdin) })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(text)
})

test.each([
  [['token'], 'none configured'],
  [['token', 'inspect', 'a.b'], 'is no JSON Web Token'],
  [['token', 'inspect', 'a.b.c'], 'is no JSON Web Token'],
])('%j is refused', async (words, text) => {
  const { code, stderr } = await ran(words)
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})
