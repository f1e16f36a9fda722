import type { Metadata } from '@grpc/grpc-js'
import { MeshError } from '@landbridge/core'
import { callContextOf } from '../../rpc/index.ts'
import type { TopicRegistry } from '../../topics.ts'
import { PEER_TOKEN_KEY, verifyPeerToken } from './peer-token.ts'
import { regionId, regionOfId } from './region-id.ts'

/** What a peer is held against. */
export type PeerVerification = {
  /** This region. */
  readonly region: string
  /** Trust domain. */
  readonly mesh: string
  readonly registry: Pick<TopicRegistry, 'snapshot'>
  /** The region's clock, ms since 1970. */
  readonly now: () => number
}

/**
 * Which region makes a call: by the certificate of the connection and a token bound to it; it must have a RegionPeer
 * here.
 * @throws MeshError 'unauthenticated' or 'permission_denied'
 */
export async function verifyPeer(expected: PeerVerification, metadata: Metadata): Promise<string> {
  const { mesh, region, registry, now } = expected
  const { certificate } = callContextOf(metadata)
  if (certificate === undefined) {
    throw new MeshError('unauthenticated', 'replicate: connection has no client certificate, wanted one of a region')
  }
  const peer = regionOfId(mesh, certificate.spiffe)
  if (peer === undefined || certificate.spiffe === undefined) {
    const wanted = regionId(mesh, '<name>')
    throw new MeshError(
      'permission_denied',
      `replicate: certificate names ${certificate.spiffe ?? 'nobody'}, wanted ${wanted}`,
    )
  }
  const [token] = metadata.get(PEER_TOKEN_KEY)
  await verifyPeerToken(typeof token === 'string' ? token : undefined, certificate.x509, {
    from: certificate.spiffe,
    to: regionId(mesh, region),
    nowMs: now(),
  })
  if (peer === region || !registry.snapshot.peers.has(peer)) {
    throw new MeshError(
      'permission_denied',
      `replicate: ${peer} has no RegionPeer in ${region}, wanted one to be applied`,
    )
  }
  return peer
}
