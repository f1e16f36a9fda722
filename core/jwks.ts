import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { fail, type Result, succeed } from './result.ts'

const KEYS_MAX = 16
/** What identifies a key of a type, in the order in which RFC 7638 hashes it. */
const MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
])

/**
 * The public keys of a JWK Set (RFC 7517), JSON text, as their thumbprints (RFC 7638, SHA-256). 1 to 16; EC, OKP or RSA.
 * `invalid_argument` says what is wrong, also when a key is private: such a text must not lie around.
 */
export function parseJwks(text: string): Result<ReadonlySet<string>> {
  const wrong = (problem: string) => fail('invalid_argument', `jwks: ${problem}`)
  const keys = keysIn(text)
  if (keys === undefined) return wrong('is no JWK Set, wanted JSON such as {"keys":[{"kty":"EC", ...}]}')
  if (keys.length === 0 || keys.length > KEYS_MAX) return wrong(`has ${keys.length} keys, wanted 1 to ${KEYS_MAX}`)
  const thumbprints = new Set<string>()
  for (const [index, key] of keys.entries()) {
    if (isRecord(key) && 'd' in key) return wrong(`has a private key (${index + 1}), wanted public keys`)
    const thumbprint = isRecord(key) ? thumbprintOfJwk(key) : undefined
    if (thumbprint === undefined) return wrong(`has a key (${index + 1}) that is no public EC, OKP or RSA key`)
    thumbprints.add(thumbprint)
  }
  return succeed(thumbprints)
}

/** The RFC 7638 thumbprint of a public key; undefined for a key of another type. */
export function thumbprintOf(key: KeyObject): string | undefined {
  return hashOf({ ...key.export({ format: 'jwk' }) })
}

function keysIn(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) && Array.isArray(value.keys) ? value.keys : undefined
  } catch {
    return undefined
  }
}

/** Read as a key first: the same key may be written in more than one way. */
function thumbprintOfJwk(jwk: Record<string, unknown>): string | undefined {
  try {
    return thumbprintOf(createPublicKey({ key: jwk, format: 'jwk' }))
  } catch {
    return undefined
  }
}

function hashOf(jwk: Readonly<Record<string, unknown>>): string | undefined {
  const members = MEMBERS.get(jwk.kty)
  if (members === undefined) return undefined
  const json = JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]])))
  return hash('sha256', json, 'base64url')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
