import { connect, type Mesh } from '@landbridge/client'
import type { GatewayAccess } from '../contender.ts'

/** The SDK over mutual TLS with a token, as a service would use it. */
export function connectMesh({ endpoints, token, caFile, certFile, keyFile }: GatewayAccess): Mesh {
  return connect({ endpoints, token, tls: { ca: caFile, cert: certFile, key: keyFile } })
}
