import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { type CertificateFiles, Certificates, TokenIssuer } from '@landbridge/lab'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'

async function openTrust() {
  const cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-trust-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const certificates = await Certificates.open(folder, 'mesh.test')
  const certificate = await certificates.server('issuer')
  const issuer = cleanup.use(await TokenIssuer.start({ certificate, audience: 'landbridge' }))
  return { folder, certificates, issuer, [Symbol.asyncDispose]: () => cleanup.disposeAsync() }
}

/** Shakes hands over TLS 1.3 with both certificates; the names in the client's, or why it was refused. */
async function handshake(server: CertificateFiles, client: CertificateFiles): Promise<string> {
  const [cert, key, ca] = await Promise.all([server.cert, server.key, server.ca].map((file) => readFile(file)))
  const listener = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const [clientCert, clientKey] = await Promise.all([readFile(client.cert), readFile(client.key)])
  const accepted = once(listener, 'secureConnection')
  const socket = connect({
    host: 'localhost',
    port: (listener.address() as AddressInfo).port,
    cert: clientCert,
    key: clientKey,
    ...(ca === undefined ? {} : { ca }),
  })
  try {
    await once(socket, 'secureConnect')
    const [seen] = await accepted
    return seen.authorized ? String(seen.getPeerX509Certificate()?.subjectAltName) : String(seen.authorizationError)
  } finally {
    socket.destroy()
    listener.close()
  }
}

async function readKeys(issuer: TokenIssuer, caFile: string): Promise<JSONWebKeySet> {
  const ca = await readFile(caFile)
  const [response] = await once(get(issuer.jwksUrl, { ca, agent: false }), 'response')
  return JSON.parse(Buffer.concat(await response.toArray()).toString())
}

test("a client's certificate is verified by its chain and carries its SPIFFE id", async () => {
  await using trust = await openTrust()
  const { certificates } = trust
  const server = await certificates.region('us-east')
  expect(new X509Certificate(await readFile(server.cert)).subjectAltName).toBe(
    'DNS:localhost, URI:spiffe://mesh.test/region/us-east',
  )
  expect(await handshake(server, await certificates.client('acme', 'shop'))).toBe(
    'URI:spiffe://mesh.test/ns/acme/sa/shop',
  )
})

test('a foreign and an expired certificate are refused', async () => {
  await using trust = await openTrust()
  const { certificates } = trust
  const server = await certificates.region('us-east')
  const foreign = await certificates.client('acme', 'shop', { authority: certificates.foreign })
  expect(await handshake(server, foreign)).toMatch(/UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)/)
  const expired = await certificates.client('acme', 'shop', { notAfter: new Date(Date.now() - 1_000) })
  expect(await handshake(server, expired)).toBe('CERT_HAS_EXPIRED')
})

test('an authority that is opened again is the same one, and certificates rotate in place', async () => {
  await using trust = await openTrust()
  const before = await trust.certificates.region('us-east')
  const first = await readFile(before.cert, 'utf8')
  const again = await Certificates.open(trust.folder, 'mesh.test')
  const after = await again.region('us-east')
  expect(after).toEqual(before)
  expect(await readFile(after.cert, 'utf8')).not.toBe(first)
  expect(await handshake(after, await trust.certificates.client('acme', 'shop'))).toContain('spiffe://mesh.test')
})

test('tokens verify against the keys that are served, also after a rotation', async () => {
  await using trust = await openTrust()
  const { issuer, certificates } = trust
  const { caFile } = certificates.authority
  const wanted = { issuer: issuer.url, audience: issuer.audience }
  const old = await issuer.token({ subject: 'alice', groups: ['readers'], claims: { team: 'a' } })
  await issuer.rotateKey()
  const fresh = await issuer.token({ subject: 'bob' })
  const keys = createLocalJWKSet(await readKeys(issuer, caFile))
  expect((await jwtVerify(old, keys, wanted)).payload).toMatchObject({ sub: 'alice', groups: ['readers'], team: 'a' })
  expect((await jwtVerify(fresh, keys, wanted)).payload.sub).toBe('bob')
  await issuer.rotateKey({ forgetOld: true })
  const later = createLocalJWKSet(await readKeys(issuer, caFile))
  await expect(jwtVerify(fresh, later, wanted)).rejects.toThrow('no applicable key')
})

test.each([
  [{ signing: 'wrong-key' }, 'signature verification failed'],
  [{ signing: 'unknown-key' }, 'no applicable key'],
  [{ signing: 'none' }, /"alg"|Unsupported/],
  [{ signing: 'public-key-as-secret' }, /Unsupported|no applicable key/],
  [{ expiresInSeconds: -60 }, '"exp" claim'],
  [{ notBeforeInSeconds: 60 }, '"nbf" claim'],
  [{ issuer: 'https://elsewhere' }, 'unexpected "iss"'],
  [{ audience: 'other' }, 'unexpected "aud"'],
] as const)('a token with %j is one to refuse', async (request, reason) => {
  await using trust = await openTrust()
  const { issuer, certificates } = trust
  const keys = createLocalJWKSet(await readKeys(issuer, certificates.authority.caFile))
  const token = await issuer.token({ subject: 'mallory', ...request })
  await expect(jwtVerify(token, keys, { issuer: issuer.url, audience: issuer.audience })).rejects.toThrow(reason)
})
