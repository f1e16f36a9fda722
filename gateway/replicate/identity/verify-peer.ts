import type { Metadata } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import type { PeerCertificate, Trust } from '../../auth/index.ts'
import { callContextOf } from '../../rpc/index.ts'
import type { TopicRegistry } from '../../topics.ts'
import { peerWithId, trustRefusal } from './peer-identity.ts'
import { PEER_TOKEN_KEY, verifyPeerToken } from './peer-token.ts'
import { regionId, regionOfId } from './region-id.ts'

/** What a peer is held against. */
export type PeerVerification = {
  /** This region. */
  readonly region: string
  /** Trust domain. */
  readonly mesh: string
  /** The SPIFFE id of our own certificate: what peers know us by. */
  readonly ownId: () => string
  readonly trust: Pick<Trust, 'isOwn' | 'isOf'>
  readonly registry: Pick<TopicRegistry, 'snapshot'>
  /** The region's clock, ms since 1970. */
  readonly now: () => number
}

/** A region that proved who it is. */
export type VerifiedPeer = {
  readonly region: string
  readonly certificate: PeerCertificate
}

/**
 * Which region makes a call: by the certificate of the connection and a token bound to it; it must have a RegionPeer
 * here, and the certificate must be as that says.
 * @throws MeshError 'unauthenticated' or 'permission_denied'
 */
export async function verifyPeer(expected: PeerVerification, metadata: Metadata): Promise<VerifiedPeer> {
  const { mesh, ownId, registry, now } = expected
  const { certificate } = callContextOf(metadata)
  if (certificate === undefined) {
    throw new MeshError('unauthenticated', 'replicate: connection has no client certificate, wanted one of a region')
  }
  const { spiffe } = certificate
  const peer = peerWithId(registry.snapshot, mesh, spiffe)
  if (spiffe === undefined || (peer === undefined && regionOfId(mesh, spiffe) === undefined)) {
    const wanted = regionId(mesh, '<name>')
    throw new MeshError('permission_denied', `replicate: certificate names ${spiffe ?? 'nobody'}, wanted ${wanted}`)
  }
  const [token] = metadata.get(PEER_TOKEN_KEY)
  await verifyPeerToken(typeof token === 'string' ? token : undefined, certificate.x509, {
    from: spiffe,
    to: ownId(),
    nowMs: now(),
  })
  const found = { region: peer?.region ?? regionOfId(mesh, spiffe) ?? spiffe, certificate }
  const refusal = peerRefusal(expected, found)
  if (refusal !== undefined) throw refusal
  return found
}

/** Why a region that has proved who it is may not call, or may not any more; undefined: it may. */
export function peerRefusal(
  { mesh, region, registry, trust }: PeerVerification,
  { region: name, certificate }: VerifiedPeer,
): MeshError | undefined {
  const peer = peerWithId(registry.snapshot, mesh, certificate.spiffe)
  if (peer === undefined || peer.region !== name || name === region) {
    return new MeshError(
      'permission_denied',
      `replicate: ${name} has no RegionPeer in ${region} that names ${certificate.spiffe ?? 'nobody'}, wanted one to be applied`,
    )
  }
  return trustRefusal(trust, region, peer, certificate)
}
