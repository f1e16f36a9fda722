import { create } from '@bufbuild/protobuf'
import { type ServiceError, status } from '@grpc/grpc-js'
import { regionId, signPeerToken } from '@landbridge/gateway'
import type { CertificateFiles, Certificates } from '@landbridge/lab'
import { RefusalReason, type ReplicateRequest, ReplicateRequestSchema, type ReplicateResponse } from '@landbridge/proto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DOCUMENTS, Mesh, TOPIC_KEY } from './mesh.ts'
import { callAsPeer, keyOf, leafOf, peerRefusalOf, peerToken } from './peer-call.ts'

const LOCAL = `---
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: local }
spec: { replication: { regions: [us-east] } }
`

let mesh: Mesh
/** Certificates of the same authority that the running gateways do not use. */
let certificates: Certificates

beforeAll(async () => {
  mesh = await Mesh.start({ documents: `${DOCUMENTS}${LOCAL}` })
  certificates = mesh.lab.certificates
})
afterAll(() => mesh[Symbol.asyncDispose]())

test('a connection without a certificate is refused', async () => {
  expect(await refusal({ certificate: undefined, token: undefined })).toMatchObject({ code: status.UNAUTHENTICATED })
})

test('a certificate that names no region is refused', async () => {
  const service = await certificates.client('acme', 'orders')
  const token = await tokenOf(service, { from: `spiffe://${mesh.lab.mesh}/ns/acme/sa/orders` })
  expect(await refusal({ certificate: service, token })).toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('wanted spiffe://'),
  })
})

test('a region without a RegionPeer is refused', async () => {
  const files = await certificates.region('ap-south')
  const token = await tokenOf(files, { from: regionId(mesh.lab.mesh, 'ap-south') })
  expect(await refusal({ certificate: files, token })).toMatchObject({
    code: status.PERMISSION_DENIED,
    details: expect.stringContaining('ap-south has no RegionPeer in us-east'),
  })
})

test('a certificate of another authority is refused', async () => {
  const files = await certificates.region('eu-west-foreign', { authority: certificates.foreign })
  const error = await refusal({ certificate: files, token: await tokenOf(files, {}) })
  expect([status.UNAUTHENTICATED, status.UNAVAILABLE]).toContain(error.code)
})

test('a token must be bound to the certificate of its connection, be for us and be fresh', async () => {
  const own = await spare('own')
  const other = await spare('other')
  const refused = { code: status.UNAUTHENTICATED, details: expect.stringContaining('peer token') }
  expect(await refusal({ certificate: own, token: undefined })).toMatchObject(refused)
  expect(await refusal({ certificate: own, token: 'nonsense' })).toMatchObject(refused)
  expect(await refusal({ certificate: own, token: await tokenOf(other, {}) })).toMatchObject(refused)
  // Signed with the right key, made for another certificate.
  const mixed = await signPeerToken({ leaf: leafOf(other), key: keyOf(own) }, WEST(), EAST())
  expect(await refusal({ certificate: own, token: mixed })).toMatchObject(refused)
  expect(await refusal({ certificate: own, token: await tokenOf(own, { to: WEST() }) })).toMatchObject(refused)
  expect(await refusal({ certificate: own, token: await tokenOf(own, { from: EAST() }) })).toMatchObject(refused)
})

test('an accepted peer gets what it may have and reasons for the rest', async () => {
  const own = await spare('accepted')
  await using peer = await connect(own)
  expect((await peer.next()).response.case).toBe('heartbeat')
  expect(await peer.open(1, 'acme/local', 'us-east')).toBe(RefusalReason.NOT_ALLOWED)
  expect(await peer.open(2, 'acme/unheard', 'us-east')).toBe(RefusalReason.UNKNOWN_TOPIC)
  expect(await peer.open(3, TOPIC_KEY, 'ap-south')).toBe(RefusalReason.CANNOT_TELL)
  expect(await peer.open(4, TOPIC_KEY, 'us-east', { sequence: 9_999n, stamp: 1n })).toBe(RefusalReason.DIVERGED)
  expect(await peer.open(5, TOPIC_KEY, 'us-east')).toBe('head')
  // One pull of a topic and origin at a time.
  expect(await peer.open(6, TOPIC_KEY, 'us-east')).toBe(RefusalReason.UNAVAILABLE)
})

test('a peer that breaks the protocol loses its stream, and the next one is served', async () => {
  const own = await spare('rude')
  {
    await using peer = await connect(own)
    expect(await peer.open(1, TOPIC_KEY, 'us-east')).toBe('head')
    peer.send(create(ReplicateRequestSchema, {}))
    expect(await peer.failed).toMatchObject({ code: status.INVALID_ARGUMENT })
  }
  await using peer = await connect(own)
  expect(await peer.open(1, TOPIC_KEY, 'us-east')).toBe('head')
})

const EAST = () => regionId(mesh.lab.mesh, 'us-east')
const WEST = () => regionId(mesh.lab.mesh, 'eu-west')

/** Another certificate for eu-west's identity: the gateways go on with theirs. */
function spare(name: string): Promise<CertificateFiles> {
  return certificates.authority.issue({ name: `spare-${name}`, dns: ['localhost'], uris: [WEST()] })
}

function tokenOf(files: CertificateFiles, names: { readonly from?: string; readonly to?: string }): Promise<string> {
  return peerToken(files, names.from ?? WEST(), names.to ?? EAST())
}

type Caller = { readonly certificate: CertificateFiles | undefined; readonly token: string | undefined }

function call(caller: Caller) {
  return callAsPeer({ ...caller, ...us() })
}

/** How the call of a caller who ought to be refused ends. */
function refusal(caller: Caller): Promise<ServiceError> {
  return peerRefusalOf({ ...caller, ...us() })
}

function us() {
  const [endpoint = ''] = mesh.lab.region('us-east').endpoints
  return { endpoint, caFile: mesh.lab.caFile }
}

async function connect(certificate: CertificateFiles) {
  const { client, stream } = call({ certificate, token: await tokenOf(certificate, {}) })
  const failed = new Promise<ServiceError>((resolve) => stream.on('error', resolve))
  const responses: AsyncIterator<ReplicateResponse> = stream[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await responses.next()
    if (done === true) throw new Error('the stream ended')
    return value as ReplicateResponse
  }
  const send = (request: ReplicateRequest) => stream.write(request)
  return {
    failed,
    next,
    send,
    /** The reason of the refusal, or the kind of the first other answer. */
    open: async (pullId: number, topic: string, origin: string, position = { sequence: 0n, stamp: 0n }) => {
      send(
        create(ReplicateRequestSchema, {
          request: { case: 'open', value: { pullId, topic, origin, position, creditBytes: 1000n } },
        }),
      )
      for (;;) {
        const { response } = await next()
        if (response.case === 'refused' && response.value.pullId === pullId) return response.value.reason
        if (response.case !== 'heartbeat') return response.case
      }
    },
    [Symbol.asyncDispose]: async () => {
      stream.cancel()
      client.close()
    },
  }
}
