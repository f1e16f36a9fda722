import { MeshError, type Principal } from '@landbridge/core'
import { bearerTokenOf, type JwtVerifier, type VerifiedToken } from './jwt.ts'
import type { PeerCertificate } from './peer-certificate.ts'

/** Who calls, and until when that holds. */
export type Identity = {
  readonly principal: Principal
  /** End of the token, or of the certificate when there is no token; ms since 1970. */
  readonly expiresAtMs: number
}

/** Finds the principal of a call from its certificate and its bearer token. */
export class Authenticator {
  readonly #jwt: JwtVerifier | undefined
  // The principal of a token together with a certificate, so that a call allocates none.
  readonly #combined = new WeakMap<Principal, Map<string, Principal>>()

  /** @param jwt Undefined: tokens are refused. */
  constructor(jwt: JwtVerifier | undefined) {
    this.#jwt = jwt
  }

  /**
   * The caller's identity: at once when its token was verified a moment ago, else a promise.
   * 1. A token always has to be valid, also beside a certificate.
   * 2. Without a token, the certificate's SPIFFE id (or subject) is the principal.
   * @throws MeshError 'unauthenticated' when neither is given or the token is refused; 'unavailable' when the issuer's
   *   keys cannot be had. The promise rejects likewise.
   */
  identify(authorization: string | undefined, certificate: PeerCertificate | undefined): Identity | Promise<Identity> {
    if (authorization === undefined) return identityOfCertificate(certificate)
    const token = bearerTokenOf(authorization)
    if (this.#jwt === undefined) {
      throw new MeshError('unauthenticated', 'verify token: this region takes no tokens, wanted a client certificate')
    }
    const cached = this.#jwt.cached(token)
    if (cached !== undefined) return this.#combine(cached, certificate)
    return this.#jwt.verify(token).then((verified) => this.#combine(verified, certificate))
  }

  #combine(verified: VerifiedToken, certificate: PeerCertificate | undefined): Identity {
    const spiffe = certificate?.spiffe
    if (spiffe === undefined) return verified
    let known = this.#combined.get(verified.principal)
    if (known === undefined || known.size >= 64) {
      known = new Map()
      this.#combined.set(verified.principal, known)
    }
    let principal = known.get(spiffe)
    if (principal === undefined) {
      principal = { ...verified.principal, spiffe }
      known.set(spiffe, principal)
    }
    return { principal, expiresAtMs: verified.expiresAtMs }
  }
}

const identities = new WeakMap<PeerCertificate, Identity>()

function identityOfCertificate(certificate: PeerCertificate | undefined): Identity {
  if (certificate === undefined) {
    throw new MeshError(
      'unauthenticated',
      'authenticate: no credentials, wanted a bearer token or a client certificate',
    )
  }
  const known = identities.get(certificate)
  if (known !== undefined) return known
  const subject = certificate.spiffe ?? certificate.x509.subject.replaceAll('\n', ',')
  const identity: Identity = {
    principal: { kind: 'mtls', subject, issuer: undefined, groups: [], spiffe: certificate.spiffe, claims: {} },
    expiresAtMs: certificate.x509.validToDate.getTime(),
  }
  identities.set(certificate, identity)
  return identity
}
