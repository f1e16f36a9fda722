import { MeshError, type Principal } from '@landbridge/core'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import type { JwtConfig } from '../config.ts'
import type { Log } from '../telemetry/index.ts'
import { KeySet } from './key-set.ts'

/** What a verified token says. */
export type VerifiedToken = {
  /** Without `spiffe`, which only a certificate can give. */
  readonly principal: Principal
  /** When the token stops being accepted, clock skew included; ms since 1970. */
  readonly expiresAtMs: number
}

/** Signatures that can be verified with a public key. Never `none`, never a shared secret (HS*). */
export const TOKEN_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
] as const

const TOKEN_LENGTH_MAX = 8192
const CACHED_TOKENS_MAX = 2000
/** A verified token is remembered for so long, and never longer than the keys are. */
const CACHED_MS_MAX = 60_000
const GROUPS_MAX = 256

type Cached = { readonly token: VerifiedToken; readonly untilMs: number }

/**
 * Verifies bearer tokens against the issuer's published keys. Guarantees:
 * 1. Accepted is only: asymmetric signature by a key of the issuer, our issuer and audience, within `nbf` and `exp`
 *    (with clock skew), with a subject.
 * 2. A refusal says which of these failed and never repeats the token.
 * 3. Verified tokens are remembered (at most 2,000, for at most a minute and never beyond their end).
 * 4. A token of a withdrawn key is refused after `jwksRefreshMs`, and a minute at most for those remembered.
 */
export class JwtVerifier {
  readonly #config: JwtConfig
  readonly #keys: KeySet
  readonly #now: () => number
  readonly #cache = new Map<string, Cached>()

  /** @param options.now Clock, ms since 1970. */
  constructor(options: { readonly config: JwtConfig; readonly log: Log; readonly now?: () => number }) {
    this.#config = options.config
    this.#keys = new KeySet(options.config.jwksUrl, options.config.jwksRefreshMs, options.log)
    this.#now = options.now ?? Date.now
  }

  /** A token verified a moment ago, without a wait; undefined when it must be verified (again). */
  cached(token: string): VerifiedToken | undefined {
    const hit = this.#cache.get(token)
    if (hit === undefined || hit.untilMs <= this.#now()) return undefined
    return hit.token
  }

  /**
   * Verifies a token.
   * @throws MeshError 'unauthenticated' that says what is wrong, or 'unavailable' when the issuer's keys cannot be had.
   */
  async verify(token: string): Promise<VerifiedToken> {
    const hit = this.cached(token)
    if (hit !== undefined) return hit
    if (token.length > TOKEN_LENGTH_MAX)
      throw refusal(`is ${token.length} characters, wanted at most ${TOKEN_LENGTH_MAX}`)
    const payload = await this.#payloadOf(token)
    const verified = this.#verifiedOf(payload)
    this.#remember(token, verified)
    return verified
  }

  /** Fetches the issuer's keys ahead of the first call; never throws. */
  warm(): Promise<void> {
    return this.#keys.warm()
  }

  /** Stops refreshing keys. */
  close(): void {
    this.#keys.close()
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    const { issuer, audience, clockSkewMs } = this.#config
    try {
      const { payload } = await jwtVerify(token, (header, input) => this.#keys.resolve(header, input), {
        issuer,
        audience,
        algorithms: [...TOKEN_ALGORITHMS],
        clockTolerance: clockSkewMs / 1000,
        currentDate: new Date(this.#now()),
        requiredClaims: ['sub', 'exp'],
      })
      return payload
    } catch (cause) {
      throw errorOf(cause)
    }
  }

  #verifiedOf(payload: JWTPayload): VerifiedToken {
    const { sub, exp } = payload
    if (typeof sub !== 'string' || sub === '' || sub.length > 1024 || exp === undefined) {
      throw refusal('has no usable subject, wanted a non-empty `sub`')
    }
    return {
      principal: {
        kind: 'jwt',
        subject: sub,
        issuer: this.#config.issuer,
        groups: groupsOf(payload.groups),
        spiffe: undefined,
        claims: payload,
      },
      expiresAtMs: exp * 1000 + this.#config.clockSkewMs,
    }
  }

  #remember(token: string, verified: VerifiedToken): void {
    // A Map keeps insertion order: deleting first makes it the youngest, the first key is the oldest.
    this.#cache.delete(token)
    const [oldest] = this.#cache.keys()
    if (this.#cache.size >= CACHED_TOKENS_MAX && oldest !== undefined) this.#cache.delete(oldest)
    const cachedMs = Math.min(CACHED_MS_MAX, this.#config.jwksRefreshMs)
    this.#cache.set(token, { token: verified, untilMs: Math.min(verified.expiresAtMs, this.#now() + cachedMs) })
  }
}

/** The token of an `authorization` value. @throws MeshError 'unauthenticated' for another scheme. */
export function bearerTokenOf(authorization: string): string {
  const match = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization)
  if (match?.[1] === undefined) {
    throw new MeshError('unauthenticated', 'verify token: malformed authorization, wanted "Bearer <token>"')
  }
  return match[1]
}

function groupsOf(claim: unknown): readonly string[] {
  if (!Array.isArray(claim)) return []
  return claim.filter((group): group is string => typeof group === 'string').slice(0, GROUPS_MAX)
}

function errorOf(cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (cause instanceof errors.JWTExpired) return refusal('has expired, wanted a fresh one', cause)
  if (cause instanceof errors.JWTClaimValidationFailed) {
    const wanted: Record<string, string> = {
      iss: 'another issuer, wanted the one this region trusts',
      aud: 'another audience, wanted the one of this mesh',
      nbf: '`nbf` in the future, wanted a token that is valid now',
      exp: 'no usable `exp`, wanted a time',
      sub: 'no usable `sub`, wanted a subject',
    }
    return refusal(`has ${wanted[cause.claim] ?? `an unusable \`${cause.claim.slice(0, 32)}\``}`, cause)
  }
  if (cause instanceof errors.JOSEAlgNotAllowed) {
    return refusal(`uses an algorithm that is not allowed, wanted one of ${TOKEN_ALGORITHMS.join(', ')}`, cause)
  }
  if (cause instanceof errors.JWSSignatureVerificationFailed)
    return refusal("signature does not match the issuer's key", cause)
  if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) {
    return refusal("names no key of the issuer, wanted a `kid` from the issuer's key set", cause)
  }
  return refusal('is malformed, wanted a signed JWT', cause)
}

function refusal(text: string, cause?: unknown): MeshError {
  return new MeshError('unauthenticated', `verify token: ${text}`, { cause })
}
