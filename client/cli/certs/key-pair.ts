import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto'
import { usageFailure } from '../command-failure.ts'

/** WebCrypto's names for a key and for the signatures made with it. */
export type SigningAlgorithm = {
  readonly key: webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams | webcrypto.Algorithm
  readonly signature: webcrypto.EcdsaParams | webcrypto.Algorithm
}

const P256: SigningAlgorithm = {
  key: { name: 'ECDSA', namedCurve: 'P-256' },
  signature: { name: 'ECDSA', hash: 'SHA-256' },
}
const ALGORITHMS: ReadonlyMap<string, SigningAlgorithm> = new Map([
  ['prime256v1', P256],
  ['secp384r1', { key: { name: 'ECDSA', namedCurve: 'P-384' }, signature: { name: 'ECDSA', hash: 'SHA-384' } }],
  ['rsa', { key: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, signature: { name: 'RSASSA-PKCS1-v1_5' } }],
  ['ed25519', { key: { name: 'Ed25519' }, signature: { name: 'Ed25519' } }],
])

/** A new EC P-256 key pair. */
export async function createKeyPair(): Promise<{
  readonly keys: webcrypto.CryptoKeyPair
  readonly algorithm: SigningAlgorithm
  /** The private key, PKCS #8 PEM. */
  readonly pem: string
}> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const object = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return { keys, algorithm: P256, pem: object.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** Reads an authority's private key. `name` is the file's, for messages. @throws CommandFailure 'usage'. */
export async function readSigningKey(
  pem: string,
  name: string,
): Promise<{ readonly key: webcrypto.CryptoKey; readonly algorithm: SigningAlgorithm }> {
  const object = parse(pem, name)
  const algorithm = ALGORITHMS.get(object.asymmetricKeyDetails?.namedCurve ?? object.asymmetricKeyType ?? '')
  if (algorithm === undefined) {
    throw usageFailure(`key: ${name} is of type ${object.asymmetricKeyType}, wanted EC P-256, P-384, RSA or Ed25519`)
  }
  const pkcs8 = object.export({ type: 'pkcs8', format: 'der' })
  return { key: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm.key, true, ['sign']), algorithm }
}

function parse(pem: string, name: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw usageFailure(`key: ${name} cannot be read (${reason}), wanted a private key as PEM without password`)
  }
}
