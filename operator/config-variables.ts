import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { parseRegionName } from '@landbridge/core'
import { address, defaulted, LOG_LEVELS, limit, line, list, oneOf, optional, required, url } from '@landbridge/service'

/** Every variable that the operator reads, in the order of `--help`. */
export const VARIABLES = {
  region: required('LANDBRIDGE_REGION', 'name of this region, a DNS label such as us-east', region),
  natsServers: required('LANDBRIDGE_NATS_SERVERS', "URLs of the region's NATS servers, separated by commas", list),
  natsDomain: optional('LANDBRIDGE_NATS_DOMAIN', "JetStream domain, when it is not the servers' own", line),
  natsCredentials: optional('LANDBRIDGE_NATS_CREDENTIALS', 'file with the credentials of a NATS user', line),
  natsCa: optional('LANDBRIDGE_NATS_CA', "file with the CA of the NATS servers' certificates; turns TLS on", line),
  replicas: defaulted('LANDBRIDGE_REPLICAS', 'default replicas of a stream: 1, 3 or 5', '1', replicas),
  kubeconfig: optional('KUBECONFIG', 'kubeconfig file; absent: the service account of the pod', line),
  namespace: required('LANDBRIDGE_NAMESPACE', 'namespace of the release: its lease and its RegionPeers', line),
  watchNamespace: optional('LANDBRIDGE_WATCH_NAMESPACE', 'only resources of this namespace; absent: of all', line),
  tenant: optional(
    'LANDBRIDGE_TENANT',
    'tenant that LANDBRIDGE_WATCH_NAMESPACE stands for; absent: a namespace is the tenant of its name',
    line,
  ),
  lease: defaulted(
    'LANDBRIDGE_LEASE',
    'name of the lease that one operator of a region holds',
    'landbridge-operator',
    line,
  ),
  identity: {
    ...defaulted('LANDBRIDGE_OPERATOR', 'name of this operator, for logs and the lease', hostname(), line),
    shown: '<hostname>',
  },
  httpListen: defaulted('LANDBRIDGE_HTTP_LISTEN', 'host:port of /metrics /healthz /readyz', '0.0.0.0:7080', address),
  workers: limit('LANDBRIDGE_WORKERS', 'resources of a kind that are worked on at once', 16, 1, 256),
  pollSeconds: limit('LANDBRIDGE_POLL_SECONDS', 'how often all streams are looked at behind the notices', 30, 1, 3600),
  logLevel: defaulted('LANDBRIDGE_LOG_LEVEL', LOG_LEVELS.join(', '), 'info', oneOf(LOG_LEVELS)),
  otlpEndpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', 'base URL of an OTLP/HTTP collector; turns tracing on', url),
}

/** A suffix that makes the holder of a lease unique. */
export function uniqueIdentity(name: string): string {
  return `${name}_${randomUUID()}`
}

function region(text: string): string {
  const parsed = parseRegionName(text)
  if (parsed.error !== undefined) throw parsed.error
  return parsed.value
}

function replicas(text: string): 1 | 3 | 5 {
  const found = ([1, 3, 5] as const).find((count) => String(count) === text)
  if (found === undefined) throw new Error('wanted 1, 3 or 5')
  return found
}
