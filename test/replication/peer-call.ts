import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { PEER_TOKEN_KEY, signPeerToken } from '@landbridge/gateway'
import type { CertificateFiles } from '@landbridge/lab'
import { grpcMethods, type ReplicateRequest, type ReplicateResponse, ReplicationService } from '@landbridge/proto'

/** Who calls a gateway as a peer, and with what. */
export type PeerCaller = {
  readonly endpoint: string
  /** CA of the gateway. */
  readonly caFile: string
  readonly certificate: CertificateFiles | undefined
  readonly token: string | undefined
}

/** A Replicate call by hand. */
export function callAsPeer({ endpoint, caFile, certificate, token }: PeerCaller) {
  const method = grpcMethods(ReplicationService).replicate
  const channel = credentials.createSsl(
    readFileSync(caFile),
    certificate === undefined ? null : readFileSync(certificate.key),
    certificate === undefined ? null : readFileSync(certificate.cert),
  )
  const client = new Client(endpoint, channel, { 'grpc.use_local_subchannel_pool': 1 })
  const metadata = new Metadata()
  if (token !== undefined) metadata.set(PEER_TOKEN_KEY, token)
  const stream = client.makeBidiStreamRequest<ReplicateRequest, ReplicateResponse>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    metadata,
    {},
  )
  return { client, stream }
}

/** How the call of a caller who ought to be refused ends. */
export async function peerRefusalOf(caller: PeerCaller): Promise<ServiceError> {
  const { client, stream } = callAsPeer(caller)
  try {
    return await new Promise<ServiceError>((resolve, reject) => {
      stream.on('error', resolve)
      stream.on('data', () => reject(new Error('the caller was accepted, wanted a refusal')))
    })
  } finally {
    client.close()
  }
}

/** A token of a peer, by its certificate's key. */
export function peerToken(files: CertificateFiles, from: string, to: string): Promise<string> {
  return signPeerToken({ leaf: leafOf(files), key: keyOf(files) }, from, to)
}

export const leafOf = (files: CertificateFiles) => new X509Certificate(readFileSync(files.cert))
export const keyOf = (files: CertificateFiles) => createPrivateKey(readFileSync(files.key))
