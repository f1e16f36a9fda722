import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { create } from '@bufbuild/protobuf'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { parseHeaders } from '@landbridge/core'
import { PEER_TOKEN_KEY, regionId, signPeerToken } from '@landbridge/gateway'
import { type CertificateFiles, type Lab, startLab } from '@landbridge/lab'
import { lastRecord, NatsSession } from '@landbridge/nats'
import {
  CloudEventSchema,
  type ForwardRequest,
  ForwardRequestSchema,
  type ForwardResponse,
  grpcMethods,
  messageCodec,
  ReplicationService,
} from '@landbridge/proto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { documents, topic } from './mesh.ts'

const method = grpcMethods(ReplicationService).forward

let lab: Lab
let peer: CertificateFiles
let service: CertificateFiles
beforeAll(async () => {
  const only = (name: string, spec: string) => `---
apiVersion: landbridge.dev/v1alpha1
kind: Topic
metadata: { namespace: acme, name: ${name} }
spec: { ${spec} }
`
  lab = await startLab({
    regions: ['us-east', 'eu-west'],
    documents: `${documents(1).replace('partitions: 1', 'partitions: 1, maxEventBytes: 4MiB')}${only('kept', 'failover: none')}${only('here', 'replication: { regions: [us-east] }')}`,
  })
  const { authority } = lab.certificates
  peer = await authority.issue({ name: 'peer', dns: ['localhost'], uris: [regionId(lab.mesh, 'eu-west')] })
  service = await authority.issue({ name: 'service', dns: ['localhost'], uris: [`spiffe://${lab.mesh}/service/a`] })
})
afterAll(() => lab.close())

const event = (id: string, data?: Uint8Array) =>
  create(CloudEventSchema, {
    id,
    source: '/test',
    specVersion: '1.0',
    type: 'test',
    ...(data === undefined ? {} : { data: { case: 'binaryData' as const, value: data } }),
  })

/** Forwards to us-east; by default as eu-west would. */
async function forward(
  request: Partial<ForwardRequest>,
  { certificate = peer, token = 'good' }: { certificate?: CertificateFiles; token?: 'good' | 'none' | 'other' } = {},
): Promise<ForwardResponse> {
  const secure = credentials.createSsl(
    readFileSync(lab.caFile),
    readFileSync(certificate.key),
    readFileSync(certificate.cert),
  )
  const client = new Client(lab.region('us-east').endpoints[0] ?? '', secure, { 'grpc.use_local_subchannel_pool': 1 })
  const metadata = new Metadata()
  const signer = token === 'other' ? service : certificate
  const source = {
    leaf: new X509Certificate(readFileSync(signer.cert)),
    key: createPrivateKey(readFileSync(signer.key)),
  }
  const signed = await signPeerToken(source, regionId(lab.mesh, 'eu-west'), regionId(lab.mesh, 'us-east'))
  if (token !== 'none') metadata.set(PEER_TOKEN_KEY, signed)
  const message = create(ForwardRequestSchema, { topic, events: [event('1')], principal: 'alice', ...request })
  try {
    return await new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        method.path,
        messageCodec(ForwardRequestSchema).serialize,
        method.responseDeserialize,
        message,
        metadata,
        (error, response) => (response === undefined ? reject(error) : resolve(response)),
      ),
    )
  } finally {
    client.close()
  }
}

test.each([
  ['no token', { token: 'none' as const }, status.UNAUTHENTICATED],
  ['a token of another certificate', { token: 'other' as const }, status.UNAUTHENTICATED],
])('a region with %s is refused', async (_, caller, code) => {
  await expect(forward({}, caller)).rejects.toMatchObject({ code })
})

test('a service that poses as a region is refused, and may send nothing large', async () => {
  await expect(forward({}, { certificate: service })).rejects.toMatchObject({ code: status.PERMISSION_DENIED })
  const large = forward({ events: [event('1', randomBytes(3_000_000))] }, { certificate: service })
  await expect(large).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED })
})

test.each([
  ['a topic that it may not have', { topic: 'acme/here' }, status.PERMISSION_DENIED],
  ['a topic that nobody knows', { topic: 'acme/unheard' }, status.NOT_FOUND],
  ['a topic that is not forwarded', { topic: 'acme/kept' }, status.FAILED_PRECONDITION],
  ['no event', { events: [] }, status.INVALID_ARGUMENT],
  ['no publisher', { principal: '' }, status.INVALID_ARGUMENT],
])('a region that hands on %s is refused', async (_, request, code) => {
  await expect(forward(request)).rejects.toMatchObject({ code })
})

test('what a region hands on is stored here, marked, in the name of its publisher, and once', async () => {
  const events = [event('2'), event('3', randomBytes(3_000_000))]
  const receipt = { region: 'us-east', regions: ['us-east'], degraded: false }
  const { results } = await forward({ events })
  expect(results.map(({ outcome }) => outcome.value)).toMatchObject([
    { ...receipt, duplicate: false },
    { ...receipt, duplicate: false },
  ])
  const again = await forward({ events })
  expect(again.results.map(({ outcome }) => outcome.value)).toMatchObject([{ duplicate: true }, { duplicate: true }])
  await using session = await NatsSession.connect({ servers: lab.region('us-east').natsUrls, name: 'test reader' })
  const stored = await lastRecord(session, 'lb_acme_orders', 'lb.acme.orders.us-east.0.m')
  expect(stored?.sequence).toBe(2)
  const { attributes } = messageCodec(CloudEventSchema).deserialize(Buffer.from(stored?.payload ?? []))
  expect(attributes).toMatchObject({
    lborigin: { attr: { value: 'us-east' } },
    authid: { attr: { value: 'alice' } },
  })
  // Its publisher may go on at home, unmarked, for as long as ids are remembered there.
  const { untilMs = 0, sinceMs = 0 } = parseHeaders((name) => stored?.header(name)).value?.mark ?? {}
  expect(untilMs - sinceMs).toBeGreaterThan(120_000)
})
