// It brings what @peculiar/x509 asks for.
import '@landbridge/lab'
import { webcrypto, X509Certificate } from 'node:crypto'
import { BasicConstraintsExtension, cryptoProvider, X509CertificateGenerator } from '@peculiar/x509'
import { beforeAll, expect, test } from 'vitest'
import { chainsTo } from '../../gateway/auth/chain.ts'

cryptoProvider.set(webcrypto)
const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const

type Issued = { readonly name: string; readonly keys: webcrypto.CryptoKeyPair; readonly x509: X509Certificate }
let serial = 1

/** A certificate, signed by its issuer or, without one, by itself. */
async function issue(name: string, ca: boolean, issuer?: Issued): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
  const made = await X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(2, '0'),
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: SIGNATURE,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 600_000),
    extensions: [new BasicConstraintsExtension(ca, undefined, true)],
  })
  return { name, keys, x509: new X509Certificate(made.toString('pem')) }
}

let root: Issued
let between: Issued
let leaf: Issued
/** Has the name of the root, and nothing else of it. */
let posing: Issued
beforeAll(async () => {
  root = await issue('Root', true)
  between = await issue('Between', true, root)
  leaf = await issue('Leaf', false, between)
  posing = await issue('Root', true)
})

test('a chain goes by signatures over the certificates that came with it', async () => {
  expect(chainsTo(leaf.x509, [between.x509], [root.x509])).toBe(true)
  expect(chainsTo(leaf.x509, [root.x509, between.x509], [posing.x509, root.x509])).toBe(true)
  expect(chainsTo(between.x509, [], [root.x509])).toBe(true)
  expect(chainsTo(leaf.x509, [], [between.x509])).toBe(true)
  expect(chainsTo(leaf.x509, [], [root.x509])).toBe(false)
})

test('a name alone, a leaf that signs, and a certificate that is only shown along lead nowhere', async () => {
  expect(chainsTo(leaf.x509, [between.x509], [posing.x509])).toBe(false)
  expect(chainsTo(leaf.x509, [between.x509, posing.x509], [posing.x509])).toBe(false)
  const below = await issue('Below', false, leaf)
  expect(chainsTo(below.x509, [leaf.x509, between.x509], [root.x509])).toBe(false)
  const other = await issue('Other', false, posing)
  expect(chainsTo(other.x509, [posing.x509, root.x509], [root.x509])).toBe(false)
})
