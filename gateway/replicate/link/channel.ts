import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ChannelCredentials, type ChannelOptions, Client, experimental } from '@grpc/grpc-js'
import type { RegionPeerDocument } from '@landbridge/core'
import { type CertificateSource, spiffeIdOf } from '../../auth/index.ts'
import { keyRefusal, peerIdOf } from '../identity/peer-identity.ts'
import { FixedCa } from './fixed-ca.ts'
import { WatchedCredentials } from './watched-credentials.ts'

/** Room for what a peer has on the way: the default of 64 KiB would hold a far region to 64 KiB a round trip. */
const RECEIVE_WINDOW_BYTES = 16 * 1024 * 1024
/** One event of the largest size (8 MiB) on top of a full frame. */
const FRAME_BYTES_MAX = 32 * 1024 * 1024

/** Credentials of channels to one peer: our certificate, and the demand that the other end is what its RegionPeer says. */
export function peerCredentials(
  certificates: CertificateSource,
  mesh: string,
  peer: RegionPeerDocument,
): ChannelCredentials {
  const wanted = peerIdOf(mesh, peer)
  const { ca } = peer.spec.trust
  const authority = ca === undefined ? certificates : new FixedCa(ca)
  return experimental.createCertificateProviderChannelCredentials(authority, certificates, {
    // In place of the host's name: behind a load balancer or a tunnel it is the region that must be right.
    checkServerIdentity: (_host, { raw }) => {
      const certificate = new X509Certificate(raw)
      const found = spiffeIdOf(certificate)
      if (found !== wanted) return new Error(`server certificate names ${found ?? 'nobody'}, wanted ${wanted}`)
      const key = keyRefusal(peer, certificate)
      return key === undefined ? undefined : new Error(key)
    },
  })
}

/** A channel for one attempt to reach a gateway: it shares no connection and no backoff with earlier attempts. */
export type PeerChannel = {
  readonly client: Client
  /** Bytes that came over its connection so far, those of messages that are not complete included. */
  receivedBytes(): number
}

/** Opens a channel, which connects with its first call. */
export function openChannel(
  endpoint: string,
  credentials: ChannelCredentials,
  serverName: string | undefined,
): PeerChannel {
  const watched = new WatchedCredentials(credentials)
  const client = new Client(endpoint, watched, { ...CHANNEL_OPTIONS, ...nameOptions(endpoint, serverName) })
  return { client, receivedBytes: () => watched.receivedBytes }
}

// No keepalive: an answer to a ping waits behind the data that is on its way, which on a slow link takes longer than any
// useful timeout. `LinkStream` judges by the bytes that come.
const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': RECEIVE_WINDOW_BYTES,
  'grpc.max_receive_message_length': FRAME_BYTES_MAX,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
}

/** Node's TLS takes no IP address as a server name, and grpc-js hands it the endpoint's host. */
function nameOptions(endpoint: string, serverName: string | undefined): ChannelOptions {
  const host = endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  const name = serverName ?? (isIP(host) === 0 ? undefined : 'gateway.invalid')
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }
}
