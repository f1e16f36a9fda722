import { hostname } from 'node:os'
import { parseRegionName } from '@landbridge/core'
import {
  address,
  defaulted,
  domain,
  httpsUrl,
  LOG_LEVELS,
  limit,
  line,
  list,
  number,
  oneOf,
  optional,
  required,
  url,
  type ValuesOf,
} from '@landbridge/service'
import type { AdminMatcher } from './config.ts'

/** The values of all variables by their key in `VARIABLES`. */
export type Values = ValuesOf<typeof VARIABLES>

const MIB = 1024 * 1024

/** Every variable that the gateway reads, in the order of `--help`. */
export const VARIABLES = {
  region: required('LANDBRIDGE_REGION', 'name of this region, a DNS label such as us-east', region),
  mesh: defaulted('LANDBRIDGE_MESH', 'trust domain of the mesh, as in spiffe://<mesh>/...', 'landbridge.local', domain),
  gateway: {
    ...defaulted('LANDBRIDGE_GATEWAY', 'name of this gateway, unique in its region', defaultGateway(), line),
    shown: '<hostname>-<pid>',
  },
  natsServers: required('LANDBRIDGE_NATS_SERVERS', "URLs of the region's NATS servers, separated by commas", list),
  natsDomain: optional('LANDBRIDGE_NATS_DOMAIN', "JetStream domain, when it is not the servers' own", line),
  natsCredentials: optional('LANDBRIDGE_NATS_CREDENTIALS', 'file with the credentials of a NATS user', line),
  natsCa: optional('LANDBRIDGE_NATS_CA', "file with the CA of the NATS servers' certificates; turns TLS on", line),
  grpcListen: defaulted('LANDBRIDGE_GRPC_LISTEN', 'host:port of gRPC over TLS; port 0: any', '0.0.0.0:7443', address),
  httpListen: defaulted('LANDBRIDGE_HTTP_LISTEN', 'host:port of /metrics /healthz /readyz', '0.0.0.0:7080', address),
  tlsCert: required('LANDBRIDGE_TLS_CERT', 'file with our certificate chain, PEM; watched for changes', line),
  tlsKey: required('LANDBRIDGE_TLS_KEY', 'file with its private key, PEM; watched for changes', line),
  tlsCa: required('LANDBRIDGE_TLS_CA', 'file with the CA of clients and peers, PEM; watched for changes', line),
  clientCertificates: defaulted(
    'LANDBRIDGE_CLIENT_CERTIFICATES',
    'optional or required; a certificate that is given must always be of our CA',
    'optional',
    oneOf(['optional', 'required'] as const),
  ),
  tlsReloadSeconds: defaulted('LANDBRIDGE_TLS_RELOAD_SECONDS', 'how often the files are read', '5', number(0.05, 3600)),
  jwtIssuer: optional('LANDBRIDGE_JWT_ISSUER', 'required issuer of bearer tokens', line),
  jwtAudience: optional('LANDBRIDGE_JWT_AUDIENCE', 'required audience of bearer tokens', line),
  jwksUrl: optional('LANDBRIDGE_JWKS_URL', "https URL of the issuer's keys (JWKS)", httpsUrl),
  jwksRefreshSeconds: limit(
    'LANDBRIDGE_JWKS_REFRESH_SECONDS',
    'how often the keys are fetched; a withdrawn one counts up to this long, and a minute more for known tokens',
    300,
    1,
    86_400,
  ),
  jwtClockSkewSeconds: defaulted('LANDBRIDGE_JWT_CLOCK_SKEW_SECONDS', 'tolerated clock skew', '30', number(0, 300)),
  admins: defaulted(
    'LANDBRIDGE_ADMINS',
    'who may administer the region whatever the policies say: sub:<subject>, group:<name>, spiffe:<id>, separated by commas',
    '',
    admins,
  ),
  replicas: defaulted('LANDBRIDGE_REPLICAS', 'default replicas of a stream: 1 or 3', '1', replicas),
  drainSeconds: defaulted('LANDBRIDGE_DRAIN_SECONDS', 'time for calls to finish after SIGTERM', '20', number(0, 600)),
  logLevel: defaulted('LANDBRIDGE_LOG_LEVEL', LOG_LEVELS.join(', '), 'info', oneOf(LOG_LEVELS)),
  otlpEndpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', 'base URL of an OTLP/HTTP collector; turns tracing on', url),
  reflection: defaulted(
    'LANDBRIDGE_REFLECTION',
    'on or off: gRPC reflection, which shows the public API to anyone who can connect',
    'on',
    oneOf(['on', 'off'] as const),
  ),
  requestBytesMax: limit('LANDBRIDGE_REQUEST_BYTES_MAX', 'largest gRPC request', 16 * MIB, 64 * 1024, 64 * MIB),
  receiveBytesMax: limit(
    'LANDBRIDGE_RECEIVE_BYTES_MAX',
    'bytes of requests on their way at once; one caller gets half',
    32 * MIB,
    MIB,
    4096 * MIB,
  ),
  requestSeconds: limit('LANDBRIDGE_REQUEST_SECONDS', 'time for a request to arrive', 60, 1, 3600),
  publishBytesMax: limit('LANDBRIDGE_PUBLISH_BYTES_MAX', 'bytes being stored at once', 64 * MIB, MIB, 4096 * MIB),
  publishEventsMax: limit('LANDBRIDGE_PUBLISH_EVENTS_MAX', 'events being stored at once', 50_000, 1000, 10_000_000),
  publishTimeoutMs: limit('LANDBRIDGE_PUBLISH_TIMEOUT_MS', 'time to store a batch', 3000, 100, 9000),
  streamBatchesMax: limit('LANDBRIDGE_STREAM_BATCHES_MAX', 'batches of a PublishStream in flight', 64, 1, 10_000),
  subscriptionsMax: limit('LANDBRIDGE_SUBSCRIPTIONS_MAX', 'Subscribe streams at once', 1000, 1, 100_000),
  groupsMax: limit('LANDBRIDGE_GROUPS_MAX', 'groups of a topic, idle ones included', 1000, 1, 100_000),
  connectionsMax: limit('LANDBRIDGE_CONNECTIONS_MAX', 'connections at once; more are dropped', 2000, 1, 1_000_000),
  openServiceStreamsMax: limit(
    'LANDBRIDGE_OPEN_SERVICE_STREAMS_MAX',
    'health and reflection streams, which need no credentials, at once',
    100,
    1,
    100_000,
  ),
  connectionStreamsMax: limit('LANDBRIDGE_CONNECTION_STREAMS_MAX', 'calls at once on a connection', 1000, 1, 100_000),
  sessionMemoryMiB: limit('LANDBRIDGE_SESSION_MEMORY_MIB', 'HTTP/2 memory of a connection', 32, 1, 1024),
  connectionAgeSeconds: limit('LANDBRIDGE_CONNECTION_AGE_SECONDS', 'age at which connections renew', 3600, 1, 86_400),
  metricTopicsMax: limit('LANDBRIDGE_METRIC_TOPICS_MAX', 'topics with metric series of their own', 200, 1, 10_000),
}

function defaultGateway(): string {
  return `${hostname()}-${process.pid}`
}

function region(text: string): string {
  const parsed = parseRegionName(text)
  if (parsed.error !== undefined) throw parsed.error
  return parsed.value
}

function replicas(text: string): 1 | 3 {
  return oneOf(['1', '3'])(text) === '1' ? 1 : 3
}

function admins(text: string): readonly AdminMatcher[] {
  if (text === '') return []
  return list(text).map((item) => {
    const match = /^(sub|group|spiffe):(.+)$/.exec(item)
    const by = match?.[1]
    const value = match?.[2]
    if ((by !== 'sub' && by !== 'group' && by !== 'spiffe') || value === undefined) {
      throw new Error('wanted items such as sub:alice, group:operators, spiffe:spiffe://mesh/operator')
    }
    return { by, value }
  })
}
