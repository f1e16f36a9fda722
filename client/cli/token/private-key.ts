import { createPrivateKey, type KeyObject } from 'node:crypto'
import { usageFailure } from '../command-failure.ts'

/** A private key that can sign tokens. */
export type SigningKey = {
  readonly key: KeyObject
  /** JWS algorithm that fits the key. */
  readonly algorithm: string
  /** `kid` of a JWK that has one. */
  readonly keyId: string | undefined
}

const EC_ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
])
const WANTED = 'wanted an EC (P-256, P-384, P-521), Ed25519 or RSA private key, as PEM without password or as JWK'

/** Reads a private key, PEM or JWK. `name` is the file's, for messages. @throws CommandFailure 'usage'. */
export function readPrivateKey(text: string, name: string): SigningKey {
  const jwk = jwkOf(text)
  try {
    const key = jwk === undefined ? createPrivateKey(text) : createPrivateKey({ key: jwk, format: 'jwk' })
    return { key, algorithm: algorithmOf(key, name), keyId: typeof jwk?.kid === 'string' ? jwk.kid : undefined }
  } catch (cause) {
    if (!(cause instanceof TypeError) && !(cause instanceof Error && 'code' in cause)) throw cause
    throw usageFailure(`key: ${name} holds no private key that can be read (${cause.message}), ${WANTED}`)
  }
}

function algorithmOf(key: KeyObject, name: string): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return 'EdDSA'
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0
    if (bits < 2048) throw usageFailure(`key: ${name} is RSA with ${bits} bits, wanted at least 2048`)
    return 'RS256'
  }
  const algorithm = EC_ALGORITHMS.get(details?.namedCurve ?? '')
  if (algorithm === undefined) throw usageFailure(`key: ${name} is of type ${details?.namedCurve ?? type}, ${WANTED}`)
  return algorithm
}

function jwkOf(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
