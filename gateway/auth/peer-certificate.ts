import { X509Certificate } from 'node:crypto'
import type { ServerHttp2Session } from 'node:http2'
import { TLSSocket } from 'node:tls'
import { MeshError } from '@landbridge/core'
import { spiffeIdOf } from './spiffe.ts'

/** The certificate that the other end of a connection showed in the TLS handshake, verified there: see `Trust`. */
export type PeerCertificate = {
  readonly x509: X509Certificate
  /** Certificates that came with it, unverified: those between it and its CA are among them. */
  readonly presented: readonly X509Certificate[]
  /** SPIFFE id of its URI SAN; undefined when it has none, or several URI SANs. */
  readonly spiffe: string | undefined
}

const CHAIN_MAX = 8

// One handshake, many calls: parsing a certificate costs more than a small call.
const known = new WeakMap<ServerHttp2Session, PeerCertificate>()

/**
 * The peer's certificate of a connection; undefined when it gave none. grpc-js's own `getAuthContext()` answers the
 * same for "no certificate" and "a certificate of another CA", and the second must be refused.
 * @throws MeshError 'unauthenticated' when a certificate was given that our CA did not sign, or that is not valid now;
 *   'internal' when the connection is not TLS.
 */
export function peerCertificateOf(session: ServerHttp2Session): PeerCertificate | undefined {
  const found = known.get(session)
  if (found !== undefined) return found
  // A proxy that answers `instanceof` and reads, as documented for node:http2.
  const { socket } = session
  if (!(socket instanceof TLSSocket)) {
    throw new MeshError('internal', 'verify client certificate: the connection is not TLS')
  }
  const x509 = socket.getPeerX509Certificate()
  if (x509 === undefined) return undefined
  if (!socket.authorized) {
    throw new MeshError(
      'unauthenticated',
      `verify client certificate: refused (${String(socket.authorizationError)}), wanted one of this mesh's CA`,
    )
  }
  const certificate = { x509: new X509Certificate(x509.raw), presented: issuersOf(x509), spiffe: spiffeIdOf(x509) }
  known.set(session, certificate)
  return certificate
}

function issuersOf(leaf: X509Certificate): readonly X509Certificate[] {
  const issuers: X509Certificate[] = []
  for (let next = leaf.issuerCertificate; next !== undefined && issuers.length < CHAIN_MAX; ) {
    issuers.push(new X509Certificate(next.raw))
    // A root is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate
  }
  return issuers
}
