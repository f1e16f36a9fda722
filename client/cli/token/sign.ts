import { createPublicKey, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type JWK, SignJWT } from 'jose'
import type { SigningKey } from './private-key.ts'

/** What a token shall say. */
export type TokenClaims = {
  /** `sub`. */
  readonly subject: string
  /** `iss`. */
  readonly issuer: string
  /** `aud`. */
  readonly audience: string
  /** Milliseconds from now to `exp`. */
  readonly ttlMs: number
  /** `groups`. */
  readonly groups: readonly string[]
  /** Further claims; the ones above win. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A signed token. Its `kid` is `keyId`, else the JWK's, else the key's thumbprint (RFC 7638), as in `publicKeySet`. */
export async function signToken(
  key: SigningKey,
  request: TokenClaims,
  options: { readonly keyId?: string | undefined; readonly now: number },
): Promise<string> {
  const issued = Math.floor(options.now / 1_000)
  return new SignJWT({
    ...request.claims,
    ...(request.groups.length === 0 ? {} : { groups: [...request.groups] }),
    iss: request.issuer,
    aud: request.audience,
    sub: request.subject,
    iat: issued,
    exp: issued + Math.ceil(request.ttlMs / 1_000),
    jti: randomUUID(),
  })
    .setProtectedHeader({ alg: key.algorithm, kid: options.keyId ?? (await publicKey(key)).kid ?? '', typ: 'JWT' })
    .sign(key.key)
}

/** The JSON Web Key Set by which gateways verify what the key signs. */
export async function publicKeySet(
  key: SigningKey,
  keyId: string | undefined,
): Promise<{ readonly keys: readonly JWK[] }> {
  const jwk = await publicKey(key)
  return { keys: [keyId === undefined ? jwk : { ...jwk, kid: keyId }] }
}

async function publicKey({ key, algorithm, keyId }: SigningKey): Promise<JWK> {
  const jwk = await exportJWK(createPublicKey(key))
  return { ...jwk, kid: keyId ?? (await calculateJwkThumbprint(jwk)), alg: algorithm, use: 'sig' }
}
