import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Mesh } from '@landbridge/client'
import { type Gateway, loadConfig, silentLog, startGateway } from '@landbridge/gateway'
import { CertificateAuthority, type CertificateFiles } from '@landbridge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startNatsServers } from '../nats-server.ts'
import { peerRefusalOf, peerToken } from './peer-call.ts'

const MESH = 'mesh.test'
const CLIENT = `spiffe://${MESH}/ns/acme/sa/tester`
const API = 'apiVersion: landbridge.dev/v1alpha1'
const TOPICS = ['orders', 'secrets', 'private']
  .map((name) => `${API}\nkind: Topic\nmetadata: { namespace: acme, name: ${name} }\nspec: {}\n---\n`)
  .join('')
const DOCUMENTS = `${TOPICS}${API}
kind: AccessPolicy
metadata: { namespace: acme, name: tester }
spec: { principals: [{ spiffe: '${CLIENT}' }], topics: ['*'], operations: [publish, subscribe] }
`

/** A region whose gateway runs in this process, with a CA of its own that no other region has. */
type Region = {
  readonly name: string
  readonly authority: CertificateAuthority
  readonly certificate: CertificateFiles
  readonly gateway: Gateway
  /** An administrator, with a certificate of the region's own CA. */
  readonly mesh: Mesh
  /** What the gateway wrote to its log. */
  readonly log: readonly string[]
}

let parts: AsyncDisposableStack
let east: Region
let west: Region

async function startRegion(folder: string, name: string, id = `spiffe://${MESH}/region/${name}`): Promise<Region> {
  const authority = await CertificateAuthority.open(join(folder, name), `Authority of ${name}`)
  const certificate = await authority.issue({ name: 'gateway', dns: ['localhost'], uris: [id] })
  const client = await authority.issue({ name: 'client', uris: [CLIENT] })
  const nats = parts.use(await startNatsServers())
  const log: string[] = []
  const env = {
    LANDBRIDGE_REGION: name,
    LANDBRIDGE_MESH: MESH,
    LANDBRIDGE_NATS_SERVERS: nats.urls.join(','),
    LANDBRIDGE_GRPC_LISTEN: 'localhost:0',
    LANDBRIDGE_HTTP_LISTEN: '127.0.0.1:0',
    LANDBRIDGE_TLS_CERT: certificate.cert,
    LANDBRIDGE_TLS_KEY: certificate.key,
    LANDBRIDGE_TLS_CA: certificate.ca,
    LANDBRIDGE_TLS_RELOAD_SECONDS: '0.1',
    LANDBRIDGE_ADMINS: `spiffe:${CLIENT}`,
    LANDBRIDGE_DRAIN_SECONDS: '1',
  }
  const write = (...parts: unknown[]) => log.push(JSON.stringify(parts))
  const lines = Object.assign(silentLog(), { info: write, warn: write })
  const gateway = parts.use(await startGateway(loadConfig(env), { log: lines }))
  const mesh = parts.use(connectTo(gateway, authority.caFile, client))
  await apply(mesh, DOCUMENTS)
  return { name, authority, certificate, gateway, mesh, log }
}

function connectTo({ grpc }: Gateway, ca: string, { cert, key }: CertificateFiles): Mesh {
  return connect({ endpoints: [grpc], tls: { ca, cert, key }, source: '/test' })
}

async function apply(mesh: Mesh, documents: string): Promise<void> {
  for (const { name, error } of await mesh.admin.apply(documents)) expect({ name, error }).toEqual({ name })
}

/** Applies the RegionPeer of `other` in `region`. */
function peerIn(region: Region, other: Region, spec: Readonly<Record<string, unknown>>): Promise<void> {
  const all = { endpoints: [other.gateway.grpc], ...spec }
  const document = { kind: 'RegionPeer', metadata: { name: other.name }, spec: all }
  return apply(region.mesh, JSON.stringify({ apiVersion: 'landbridge.dev/v1alpha1', ...document }))
}

const caOf = ({ authority }: Region) => readFile(authority.caFile, 'utf8')

/** The link from `region` to `other`, as `landbridge peers` shows it. */
async function linkOf(region: Region, other: Region) {
  // Asked again rather than waited for: the machine may be busy.
  const peers = await region.mesh.admin.peers({ timeoutMs: 5_000 })
  const found = peers.find((peer) => peer.region === other.name)
  return { state: found?.state, reason: found?.reason ?? '' }
}

const soon = { timeout: 40_000, interval: 100 }
const untilLinked = (region: Region, other: Region) =>
  expect.poll(() => linkOf(region, other), soon).toMatchObject({ state: 'connected' })
const untilRefused = (region: Region, other: Region, reason: RegExp) =>
  expect
    .poll(() => linkOf(region, other), soon)
    .toMatchObject({ state: 'disconnected', reason: expect.stringMatching(reason) })

/** Ids of the events of a topic that a region holds. */
async function idsIn({ mesh }: Region, topic: string, count: number): Promise<string[]> {
  const ids: string[] = []
  await using subscription = mesh.subscribe(topic, { from: 'earliest' })
  for await (const { event } of subscription) {
    ids.push(event.id)
    if (ids.length === count) break
  }
  return ids.sort()
}

beforeAll(async () => {
  parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'landbridge-trust-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  east = await startRegion(folder, 'us-east')
  west = await startRegion(folder, 'eu-west', 'spiffe://other.example/gateways/west')
}, 120_000)
afterAll(() => parts.disposeAsync())

const WEST_ID = 'spiffe://other.example/gateways/west'

describe('a peer with a CA of its own', { timeout: 120_000 }, () => {
  test('is refused while its RegionPeer does not say so, and both sides say why', async () => {
    await peerIn(east, west, { trust: { spiffe: WEST_ID } })
    await peerIn(west, east, { trust: { ca: await caOf(east) } })
    await untilRefused(east, west, /the server certificate is of another CA .* wanted .* trust\.ca in its RegionPeer/)
    await untilRefused(west, east, /verify client certificate: refused .* wanted one of this mesh's CA/)
    expect(east.log.some((line) => line.includes('link to peer is down') && line.includes('another CA'))).toBe(true)
    expect(east.log.some((line) => line.includes('call failed') && line.includes("this mesh's CA"))).toBe(true)
    expect(west.log.some((line) => line.includes('link to peer is down') && line.includes("this mesh's CA"))).toBe(true)
  })

  test('is refused while it names another SPIFFE id than its RegionPeer says', async () => {
    await peerIn(east, west, { trust: { ca: await caOf(west) } })
    await untilRefused(east, west, /server certificate names spiffe:\/\/other\.example.*, wanted .*\/region\/eu-west/)
    await untilRefused(west, east, /certificate names spiffe:\/\/other\.example/)
  })

  test('is taken once its RegionPeer says both, and events go both ways', async () => {
    await peerIn(east, west, { trust: { ca: await caOf(west), spiffe: WEST_ID } })
    await untilLinked(east, west)
    await untilLinked(west, east)
    await east.mesh.publish('acme/orders', { id: 'from-east', type: 'test' })
    await west.mesh.publish('acme/orders', { id: 'from-west', type: 'test' })
    expect(await idsIn(east, 'acme/orders', 2)).toEqual(['from-east', 'from-west'])
    expect(await idsIn(west, 'acme/orders', 2)).toEqual(['from-east', 'from-west'])
  })

  test('has that CA for itself alone: it vouches for no service, no administrator, and no other region', async () => {
    const service = await west.authority.issue({ name: 'posing', uris: [CLIENT] })
    await using posing = connectTo(east.gateway, east.authority.caFile, service)
    const refused = {
      code: 'unauthenticated',
      message: expect.stringMatching(/of another region's CA .*Authority of eu-west/),
    }
    await expect(posing.admin.peers()).rejects.toMatchObject(refused)
    await expect(posing.publish('acme/orders', { id: 'no', type: 'test' })).rejects.toMatchObject(refused)
  })

  test('is refused from the moment that its RegionPeer says another CA, also over links that stand', async () => {
    await untilLinked(west, east)
    await peerIn(east, west, { trust: { ca: await caOf(east), spiffe: WEST_ID } })
    const changedAt = performance.now()
    await untilRefused(west, east, /refused|of another CA/)
    await untilRefused(east, west, /another CA/)
    expect(performance.now() - changedAt).toBeLessThan(5_000)
    await peerIn(east, west, { trust: { ca: await caOf(west), spiffe: WEST_ID } })
    await untilLinked(east, west)
    await untilLinked(west, east)
  })

  test('whose CA is known but not its own is told which one was wanted', async () => {
    // East trusts its own CA anyway, so that the handshake passes.
    const files = await east.authority.issue({ name: 'wrong-west', dns: ['localhost'], uris: [WEST_ID] })
    const token = await peerToken(files, WEST_ID, `spiffe://${MESH}/region/us-east`)
    const { caFile } = east.authority
    const error = await peerRefusalOf({ endpoint: east.gateway.grpc, caFile, certificate: files, token })
    expect(error.details).toMatch(
      /RegionPeer eu-west in us-east: the certificate is of another CA \(issuer CN=Authority of us-east\), wanted one of its trust\.ca/,
    )
  })

  test('with pinned keys must have one of them', async () => {
    const trust = { ca: await caOf(west), spiffe: WEST_ID }
    const jwkOf = async (file: string) => new X509Certificate(await readFile(file)).publicKey.export({ format: 'jwk' })
    const jwks = (...keys: readonly object[]) => JSON.stringify({ keys })
    const own = await jwkOf(west.certificate.cert)
    await peerIn(east, west, { trust: { ...trust, jwks: jwks(await jwkOf(east.certificate.cert)) } })
    await untilRefused(east, west, /the key of the certificate \(thumbprint .{43}\) is none of its trust\.jwks/)
    await untilRefused(
      west,
      east,
      /RegionPeer eu-west in us-east: the key of the certificate .* none of its trust\.jwks/,
    )
    await peerIn(east, west, { trust: { ...trust, jwks: jwks(await jwkOf(east.certificate.cert), own) } })
    await untilLinked(east, west)
    await untilLinked(west, east)
  })
})

describe('topics of a peer', { timeout: 120_000 }, () => {
  test('go only the ways that both sides allow', async () => {
    const trust = { ca: await caOf(west), spiffe: WEST_ID }
    await peerIn(east, west, {
      trust,
      exports: ['acme/orders', 'acme/private'],
      imports: ['acme/orders', 'acme/secrets'],
    })
    await peerIn(west, east, { trust: { ca: await caOf(east) }, topics: ['acme/orders', 'acme/secrets'] })
    await untilLinked(east, west)
    await untilLinked(west, east)
    for (const region of [east, west]) {
      for (const topic of TOPICS_OF) await region.mesh.publish(topic, { id: `way-${region.name}`, type: 'test' })
    }
    const ways = async (region: Region, topic: string, count: number) =>
      (await idsIn(region, topic, count)).filter((id) => id.startsWith('way-'))
    // What came first is there from before.
    expect(await ways(east, 'acme/orders', 4)).toEqual(['way-eu-west', 'way-us-east'])
    expect(await ways(west, 'acme/orders', 4)).toEqual(['way-eu-west', 'way-us-east'])
    expect(await ways(east, 'acme/secrets', 2)).toEqual(['way-eu-west', 'way-us-east'])
    // Orders went both ways meanwhile: what did not come by now does not come.
    for (const [region, topic] of [
      [west, 'acme/secrets'],
      [west, 'acme/private'],
      [east, 'acme/private'],
    ] as const) {
      expect(await region.mesh.topics.get(topic)).toMatchObject({ eventCount: 1 })
    }
  })
})

const TOPICS_OF = ['acme/secrets', 'acme/private', 'acme/orders']
