import { X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import { MeshError } from '@landbridge/core'
import { spiffeIdOf } from './spiffe.ts'

/** The certificate that the other end of a connection showed in the TLS handshake, verified against our CA. */
export type PeerCertificate = {
  readonly x509: X509Certificate
  /** SPIFFE id of its URI SAN; undefined when it has none, or several URI SANs. */
  readonly spiffe: string | undefined
}

// One handshake, many calls: parsing a certificate costs more than a small call.
const known = new WeakMap<TLSSocket, PeerCertificate>()

/**
 * The peer's certificate of the connection that carries a call; undefined when it gave none.
 * @param call What grpc-js hands to the innermost interceptor. Its public `getAuthContext()` answers the same for "no
 *   certificate" and "a certificate of another CA", and the second must be refused; hence the look at its stream. If a
 *   later grpc-js hides the stream, every call is refused, not let through.
 * @throws MeshError 'unauthenticated' when a certificate was given that our CA did not sign, or 'internal' when the
 *   connection cannot be seen.
 */
export function peerCertificateOf(call: unknown): PeerCertificate | undefined {
  const socket = socketOf(call)
  const found = known.get(socket)
  if (found !== undefined) return found
  const x509 = socket.getPeerX509Certificate()
  if (x509 === undefined) return undefined
  if (!socket.authorized) {
    throw new MeshError(
      'unauthenticated',
      `verify client certificate: refused (${String(socket.authorizationError)}), wanted one of this mesh's CA`,
    )
  }
  const certificate = { x509: new X509Certificate(x509.raw), spiffe: spiffeIdOf(x509) }
  known.set(socket, certificate)
  return certificate
}

function socketOf(call: unknown): TLSSocket {
  const session = property(property(call, 'stream'), 'session')
  if (session === undefined || property(session, 'destroyed') === true) {
    throw new MeshError('unavailable', 'call: its connection is gone', { retryAfterMs: 0 })
  }
  // `session.socket` is a proxy whose target answers `instanceof` and reads, as documented for node:http2.
  const socket = property(session, 'socket')
  if (!(socket instanceof TLSSocket)) {
    throw new MeshError('internal', 'verify client certificate: the TLS connection of the call cannot be seen')
  }
  return socket
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
