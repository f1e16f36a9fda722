import { type ConnectOptions, connect, type Mesh } from '../index.ts'
import { testCertificate } from './certificate.ts'
import type { TestGateway } from './test-gateway.ts'

/** A client of these gateways, home first, with times short enough for tests. */
export async function connectTo(
  gateways: readonly TestGateway[],
  options: Partial<ConnectOptions> = {},
): Promise<Mesh> {
  const { cert } = await testCertificate()
  const endpoints = gateways.map(({ region, endpoint }) => `${region}=${endpoint}`)
  return connect({
    endpoints,
    tls: { ca: cert },
    source: '/test',
    attemptTimeoutMs: 300,
    timeoutMs: 10_000,
    ...options,
  })
}
