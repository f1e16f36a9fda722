import { ConfigError, type ListenAddress, type LogLevel, readVariables, variablesHelp } from '@landbridge/service'
import { VARIABLES } from './config-variables.ts'

export { ConfigError } from '@landbridge/service'

/** How bearer tokens are verified. */
export type JwtConfig = {
  /** Required `iss`. */
  readonly issuer: string
  /** Required `aud`. */
  readonly audience: string
  /** Where the issuer publishes its keys. */
  readonly jwksUrl: URL
  /** How often they are fetched: how long a withdrawn key may count, and a minute at most for known tokens. */
  readonly jwksRefreshMs: number
  /** Tolerated difference between the issuer's clock and ours. */
  readonly clockSkewMs: number
}

/** Bounds of the process. At a bound callers are told to slow down; nothing is dropped. */
export type Limits = {
  /** Largest gRPC request, in bytes. */
  readonly requestBytesMax: number
  /** Bytes of requests that are on their way, over all callers; half of it for one. */
  readonly receiveBytesMax: number
  /** Time for a request to arrive. */
  readonly requestMs: number
  /** Bytes of events being stored, over all callers. */
  readonly publishBytesMax: number
  /** Events being stored, over all callers. */
  readonly publishEventsMax: number
  /** Time for one attempt to store a batch. */
  readonly publishTimeoutMs: number
  /** Batches of one PublishStream being stored. */
  readonly streamBatchesMax: number
  /** Subscribe streams, over all callers. */
  readonly subscriptionsMax: number
  /** Connections to each address that gRPC listens on; more are dropped. */
  readonly connectionsMax: number
  /** Streams of the services that need no credentials (health, reflection), over all callers. */
  readonly openServiceStreamsMax: number
  /** Groups of one topic, those without members included. */
  readonly groupsMax: number
  /** Concurrent calls on one connection. */
  readonly connectionStreamsMax: number
  /** HTTP/2 session memory of one connection, in MiB. */
  readonly sessionMemoryMiB: number
  /** A connection is asked to move on after this time, so that it meets the newest certificate. */
  readonly connectionAgeMs: number
  /** Different topics that have metric series of their own; the rest share the label "other". */
  readonly metricTopicsMax: number
}

/** Everything a gateway is told from outside. Read once, then frozen. */
export type Config = {
  /** Name of this region. */
  readonly region: string
  /** Trust domain of the mesh: the host part of its SPIFFE ids. */
  readonly mesh: string
  /** Name of this gateway, unique in its region. */
  readonly gateway: string
  readonly nats: {
    /** URLs of the region's NATS servers. */
    readonly servers: readonly string[]
    /** JetStream domain; undefined for the server's own. */
    readonly domain: string | undefined
    /** File with a NATS user's credentials (.creds). */
    readonly credentialsFile: string | undefined
    /** File with the CA of the NATS servers; turns TLS on. */
    readonly caFile: string | undefined
  }
  readonly grpc: ListenAddress
  readonly http: ListenAddress
  readonly tls: {
    readonly certificateFile: string
    readonly keyFile: string
    readonly caFile: string
    /** `required`: a connection without a certificate of our CA is refused in the handshake. */
    readonly clientCertificates: 'optional' | 'required'
    /** How often the files are looked at. */
    readonly reloadMs: number
  }
  /** Undefined: tokens of services are not accepted, client certificates only. */
  readonly jwt: JwtConfig | undefined
  /** Who may administer the region whatever the policies say. */
  readonly admins: readonly AdminMatcher[]
  /** Default number of replicas of a stream. */
  readonly replicas: 1 | 3
  /** Time that calls get to finish after SIGTERM. */
  readonly drainMs: number
  readonly logLevel: LogLevel
  /** Undefined: no tracing. */
  readonly otlpEndpoint: string | undefined
  /** Whether the gRPC reflection service is offered. */
  readonly reflection: boolean
  readonly limits: Limits
}

/** An administrator: a token's subject, a token's group, or a certificate's SPIFFE id. */
export type AdminMatcher = { readonly by: 'sub' | 'group' | 'spiffe'; readonly value: string }

/**
 * Reads the configuration from environment variables.
 * @throws ConfigError that lists every problem and what to do about it.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const { values, problems } = readVariables(VARIABLES, env)
  const given = [values?.jwtIssuer, values?.jwtAudience, values?.jwksUrl].filter((value) => value !== undefined).length
  if (values !== undefined && given !== 0 && given !== 3) {
    problems.push('LANDBRIDGE_JWT_ISSUER, LANDBRIDGE_JWT_AUDIENCE, LANDBRIDGE_JWKS_URL: set all three, or none of them')
  }
  if (values === undefined || problems.length > 0) throw new ConfigError(problems)
  const { jwtIssuer, jwtAudience, jwksUrl } = values
  return deepFreeze({
    region: values.region,
    mesh: values.mesh,
    gateway: values.gateway,
    nats: {
      servers: values.natsServers,
      domain: values.natsDomain,
      credentialsFile: values.natsCredentials,
      caFile: values.natsCa,
    },
    grpc: values.grpcListen,
    http: values.httpListen,
    tls: {
      certificateFile: values.tlsCert,
      keyFile: values.tlsKey,
      caFile: values.tlsCa,
      clientCertificates: values.clientCertificates,
      reloadMs: values.tlsReloadSeconds * 1000,
    },
    jwt:
      jwtIssuer !== undefined && jwtAudience !== undefined && jwksUrl !== undefined
        ? {
            issuer: jwtIssuer,
            audience: jwtAudience,
            jwksUrl,
            jwksRefreshMs: values.jwksRefreshSeconds * 1000,
            clockSkewMs: values.jwtClockSkewSeconds * 1000,
          }
        : undefined,
    admins: values.admins,
    replicas: values.replicas,
    drainMs: values.drainSeconds * 1000,
    logLevel: values.logLevel,
    otlpEndpoint: values.otlpEndpoint,
    reflection: values.reflection === 'on',
    limits: {
      requestBytesMax: values.requestBytesMax,
      receiveBytesMax: values.receiveBytesMax,
      requestMs: values.requestSeconds * 1000,
      publishBytesMax: values.publishBytesMax,
      publishEventsMax: values.publishEventsMax,
      publishTimeoutMs: values.publishTimeoutMs,
      streamBatchesMax: values.streamBatchesMax,
      subscriptionsMax: values.subscriptionsMax,
      connectionsMax: values.connectionsMax,
      openServiceStreamsMax: values.openServiceStreamsMax,
      groupsMax: values.groupsMax,
      connectionStreamsMax: values.connectionStreamsMax,
      sessionMemoryMiB: values.sessionMemoryMiB,
      connectionAgeMs: values.connectionAgeSeconds * 1000,
      metricTopicsMax: values.metricTopicsMax,
    },
  })
}

/** The text of `--help`: every variable with its meaning and default. */
export function configHelp(): string {
  return variablesHelp(
    [
      'Usage: node gateway/main.ts [--help]',
      '',
      'A gateway of one region. It is configured by environment variables only:',
    ],
    VARIABLES,
    ['Further standard variables: NODE_EXTRA_CA_CERTS (CA of the JWKS endpoint), OTEL_SERVICE_NAME.'],
  )
}

function deepFreeze<T>(value: T): T {
  if (value instanceof URL) return value
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part)
    Object.freeze(value)
  }
  return value
}
