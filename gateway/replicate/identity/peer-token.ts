import { createHash, type KeyObject, type X509Certificate } from 'node:crypto'
import { MeshError } from '@landbridge/core'
import { errors, jwtVerify, SignJWT } from 'jose'

/** Request metadata that carries the token of a peer; `authorization` is for services. */
export const PEER_TOKEN_KEY = 'landbridge-peer-token'

/** How long a token can open a stream. An open stream outlives it: it is the certificate's connection that counts then. */
const LIFE_SECONDS = 60
const CLOCK_SKEW_SECONDS = 30
const THUMBPRINT = 'x5t#S256'

/** Our side of a token. */
export type PeerTokenSource = {
  /** Leaf of our certificate chain: the one that the connection shows. */
  readonly leaf: X509Certificate
  /** Its private key. */
  readonly key: KeyObject
}

/**
 * A token that says "the holder of this certificate, region `from`, wants to speak to region `to`", signed with the
 * certificate's own key. Both are SPIFFE ids.
 * @param nowMs By the region's clock, ms since 1970.
 */
export async function signPeerToken(
  source: PeerTokenSource,
  from: string,
  to: string,
  nowMs = Date.now(),
): Promise<string> {
  const seconds = Math.floor(nowMs / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: algorithmOf(source.key), typ: 'JWT', [THUMBPRINT]: thumbprintOf(source.leaf) })
    .setIssuer(from)
    .setSubject(from)
    .setAudience(to)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + LIFE_SECONDS)
    .sign(source.key)
}

/**
 * Verifies a peer's token against the certificate of the very connection that it came over: a token that was signed
 * with another key, or made for another certificate, region or time is refused.
 * @throws MeshError 'unauthenticated'
 */
export async function verifyPeerToken(
  token: string | undefined,
  certificate: X509Certificate,
  expected: { readonly from: string; readonly to: string; readonly nowMs: number },
): Promise<void> {
  if (token === undefined) throw refused(`has no ${PEER_TOKEN_KEY}, wanted one`)
  const key = certificate.publicKey
  try {
    const { protectedHeader } = await jwtVerify(token, key, {
      algorithms: [algorithmOf(key)],
      issuer: expected.from,
      subject: expected.from,
      audience: expected.to,
      clockTolerance: CLOCK_SKEW_SECONDS,
      maxTokenAge: LIFE_SECONDS,
      currentDate: new Date(expected.nowMs),
      requiredClaims: ['exp', 'iat'],
    })
    if (protectedHeader[THUMBPRINT] !== thumbprintOf(certificate)) {
      throw refused('is bound to another certificate, wanted the one of this connection')
    }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const text = cause instanceof errors.JOSEError ? cause.code : 'cannot be read'
    throw refused(`is not valid (${text})`, cause)
  }
}

function thumbprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url')
}

function algorithmOf(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256'
  if (type === 'ec' && details?.namedCurve === 'secp384r1') return 'ES384'
  if (type === 'ed25519') return 'EdDSA'
  if (type === 'rsa') return 'PS256'
  throw new MeshError('failed_precondition', `peer token: key is ${type}, wanted EC (P-256, P-384), Ed25519 or RSA`)
}

function refused(what: string, cause?: unknown): MeshError {
  return new MeshError('unauthenticated', `peer token: ${what}`, { cause })
}
