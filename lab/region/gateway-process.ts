import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getIfOk } from '../process/http-ready.ts'
import type { ProcessSpec } from '../process/managed-process.ts'
import type { CertificateFiles } from '../trust/certificate-authority.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
const WRONG_CLOCK = new URL('../faults/wrong-clock.ts', import.meta.url).href

/** What a gateway needs to know of the lab. */
export type GatewayProcessOptions = {
  readonly region: string
  readonly index: number
  readonly mesh: string
  readonly folder: string
  readonly natsUrls: readonly string[]
  readonly grpcPort: number
  readonly httpPort: number
  readonly certificate: CertificateFiles
  readonly issuer: {
    readonly url: string
    readonly jwksUrl: string
    readonly audience: string
    readonly caFile: string
  }
  readonly admins: readonly string[]
  /** File that says how wrong its clock is, see wrong-clock.ts; undefined for the machine's own clock. */
  readonly clockFile: string | undefined
  /** Default replicas of a stream. */
  readonly replicas: 1 | 3
  /** Wins over everything above. */
  readonly environment: Readonly<Record<string, string>>
}

/** Describes a gateway's process. It is ready when its /readyz says so. */
export function gatewayProcess(options: GatewayProcessOptions): ProcessSpec {
  const { region, index, folder, certificate, issuer } = options
  return {
    name: `${region}/gateway-${index}`,
    command: process.execPath,
    arguments: options.clockFile === undefined ? [MAIN] : ['--import', WRONG_CLOCK, MAIN],
    environment: {
      LANDBRIDGE_REGION: region,
      LANDBRIDGE_MESH: options.mesh,
      LANDBRIDGE_GATEWAY: `${region}-gateway-${index}`,
      LANDBRIDGE_NATS_SERVERS: options.natsUrls.join(','),
      LANDBRIDGE_GRPC_LISTEN: `127.0.0.1:${options.grpcPort}`,
      LANDBRIDGE_HTTP_LISTEN: `127.0.0.1:${options.httpPort}`,
      LANDBRIDGE_TLS_CERT: certificate.cert,
      LANDBRIDGE_TLS_KEY: certificate.key,
      LANDBRIDGE_TLS_CA: certificate.ca,
      LANDBRIDGE_JWT_ISSUER: issuer.url,
      LANDBRIDGE_JWT_AUDIENCE: issuer.audience,
      LANDBRIDGE_JWKS_URL: issuer.jwksUrl,
      LANDBRIDGE_ADMINS: options.admins.join(','),
      LANDBRIDGE_REPLICAS: String(options.replicas),
      LANDBRIDGE_DRAIN_SECONDS: '5',
      // The issuer's certificate is of the lab's authority, which Node does not know of otherwise.
      NODE_EXTRA_CA_CERTS: issuer.caFile,
      // Sources run as they are; compiled once, they start in half the time.
      NODE_COMPILE_CACHE: compileCacheFolder(),
      LANDBRIDGE_LAB_CLOCK_FILE: options.clockFile,
      ...options.environment,
    },
    logFile: join(folder, 'gateway.log'),
    isReady: async (signal) => (await getIfOk(`http://127.0.0.1:${options.httpPort}/readyz`, signal)) !== undefined,
  }
}

function compileCacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'landbridge', 'compile-cache')
}
