import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { type Gateway, loadConfig, silentLog, startGateway } from '@landbridge/gateway'
import { Certificates, TokenIssuer } from '@landbridge/lab'
import { type NatsServers, type NatsServersOptions, startNatsServers } from '../nats-server.ts'
import { connectClient, type TestClient, type TestClientOptions } from './client.ts'

/** The trust domain and audience of every gateway test. */
export const MESH = 'mesh.test'
const AUDIENCE = 'landbridge'

/** Options of `startFixture`. */
export type FixtureOptions = {
  /** Further environment of the gateway; wins over the fixture's. */
  readonly env?: Readonly<Record<string, string>>
  readonly nats?: NatsServersOptions
  /** Documents to apply after the start. Default `DOCUMENTS`. */
  readonly documents?: string
}

/** One gateway on a NATS server of its own, with certificates and a token issuer. */
export type Fixture = AsyncDisposable & {
  readonly gateway: Gateway
  readonly nats: NatsServers
  readonly certificates: Certificates
  readonly issuer: TokenIssuer
  /** The gateway's environment, to start further ones. */
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
  /** A client; with a token of that subject unless `token` or `certificate` says otherwise. Closed with the fixture. */
  client(options?: Partial<TestClientOptions> & { readonly subject?: string }): Promise<TestClient>
  /** Applies documents as an administrator of the region. */
  apply(documents: string): Promise<void>
}

/** Topic acme/orders that `alice` may use, and globex/secrets that she may not. */
export const DOCUMENTS = `
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: orders }
spec: { partitions: 4, maxEventBytes: 64KiB }
---
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: globex, name: secrets }
spec: {}
---
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: alice }
spec:
  principals: [{ subject: alice }]
  topics: ['*']
  operations: [publish, subscribe]
`

/** Starts everything; resolves when the documents are applied and known to the gateway. */
export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-gateway-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const nats = parts.use(await startNatsServers(options.nats))
  const certificates = await Certificates.open(folder, MESH)
  const issuer = parts.use(
    await TokenIssuer.start({ certificate: await certificates.server('issuer'), audience: AUDIENCE }),
  )
  // The gateway runs in this process, and its fetch of the keys trusts what the process trusts.
  tls.setDefaultCACertificates([...tls.getCACertificates(), readFileSync(certificates.authority.caFile, 'utf8')])
  const files = await certificates.region('us-east')
  const env = {
    LANDBRIDGE_REGION: 'us-east',
    LANDBRIDGE_MESH: MESH,
    LANDBRIDGE_NATS_SERVERS: nats.urls.join(','),
    LANDBRIDGE_GRPC_LISTEN: 'localhost:0',
    LANDBRIDGE_HTTP_LISTEN: '127.0.0.1:0',
    LANDBRIDGE_TLS_CERT: files.cert,
    LANDBRIDGE_TLS_KEY: files.key,
    LANDBRIDGE_TLS_CA: files.ca,
    LANDBRIDGE_TLS_RELOAD_SECONDS: '0.1',
    LANDBRIDGE_JWT_ISSUER: issuer.url,
    LANDBRIDGE_JWT_AUDIENCE: AUDIENCE,
    LANDBRIDGE_JWKS_URL: issuer.jwksUrl,
    LANDBRIDGE_JWT_CLOCK_SKEW_SECONDS: '0',
    LANDBRIDGE_ADMINS: 'sub:admin',
    LANDBRIDGE_DRAIN_SECONDS: '5',
    ...(nats.urls.length > 1 ? { LANDBRIDGE_REPLICAS: '3' } : {}),
    ...options.env,
  }
  const gateway = parts.use(await startGateway(loadConfig(env), { log: silentLog() }))
  const clients = parts.use(new AsyncDisposableStack())

  const client: Fixture['client'] = async ({ subject = 'alice', ...wanted } = {}) => {
    const token = wanted.certificate === undefined ? await issuer.token({ subject }) : undefined
    const made = connectClient({ endpoint: gateway.grpc, caFile: certificates.authority.caFile, token, ...wanted })
    clients.defer(() => made.close())
    return made
  }
  const apply: Fixture['apply'] = async (documents) => {
    const admin = await client({ subject: 'admin' })
    const { outcomes } = await admin.apply(documents)
    const failed = outcomes.find((outcome) => outcome.error !== '')
    if (failed !== undefined) throw new Error(`apply ${failed.name}: ${failed.error}`)
  }
  await apply(options.documents ?? DOCUMENTS)

  const owned = parts.move()
  return {
    gateway,
    nats,
    certificates,
    issuer,
    env,
    folder,
    client,
    apply,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
