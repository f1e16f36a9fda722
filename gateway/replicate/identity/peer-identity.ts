import type { X509Certificate } from 'node:crypto'
import { type ConfigSnapshot, MeshError, parseJwks, type RegionPeerDocument, thumbprintOf } from '@landbridge/core'
import type { PeerCertificate, Trust } from '../../auth/index.ts'
import { regionId } from './region-id.ts'

/** The SPIFFE id that the gateways of a peer have to name. */
export function peerIdOf(mesh: string, { region, spec }: RegionPeerDocument): string {
  return spec.trust.spiffe ?? regionId(mesh, region)
}

/** The peer whose gateways have that SPIFFE id; undefined when none has, or several: nobody is to choose among them. */
export function peerWithId(
  { peers }: Pick<ConfigSnapshot, 'peers'>,
  mesh: string,
  id: string | undefined,
): RegionPeerDocument | undefined {
  const found = [...peers.values()].filter((peer) => peerIdOf(mesh, peer) === id)
  return found.length === 1 ? found[0] : undefined
}

/** Why a certificate that passed the handshake is not one of the peer's, by its RegionPeer in `region`; undefined: it is. */
export function trustRefusal(
  trust: Pick<Trust, 'isOwn' | 'isOf'>,
  region: string,
  peer: RegionPeerDocument,
  certificate: PeerCertificate,
): MeshError | undefined {
  const { ca } = peer.spec.trust
  const chained = ca === undefined ? trust.isOwn(certificate) : trust.isOf(certificate, ca)
  if (!chained) {
    const wanted = ca === undefined ? `that of the gateways of ${region}` : 'one of its trust.ca'
    return refused(region, peer, `the certificate is of another CA (issuer ${issuerOf(certificate)}), wanted ${wanted}`)
  }
  const key = keyRefusal(peer, certificate.x509)
  return key === undefined ? undefined : refused(region, peer, key)
}

/** Why the key of a certificate is not one of the peer's; undefined: it is, or any will do. */
export function keyRefusal({ spec }: RegionPeerDocument, certificate: X509Certificate): string | undefined {
  const { jwks } = spec.trust
  if (jwks === undefined) return undefined
  const { value: keys } = parseJwks(jwks)
  const thumbprint = thumbprintOf(certificate.publicKey)
  if (thumbprint !== undefined && keys?.has(thumbprint) === true) return undefined
  return `the key of the certificate (thumbprint ${thumbprint ?? 'unknown'}) is none of its trust.jwks`
}

function refused(region: string, peer: RegionPeerDocument, problem: string): MeshError {
  return new MeshError('permission_denied', `replicate: RegionPeer ${peer.region} in ${region}: ${problem}`)
}

function issuerOf({ x509 }: PeerCertificate): string {
  return x509.issuer.replaceAll('\n', ', ').slice(0, 200)
}
