import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { Metadata } from '@grpc/grpc-js'
import {
  EventService,
  grpcMethods,
  PublishRequestSchema,
  PublishStreamRequestSchema,
  type PublishStreamResponse,
} from '@landbridge/proto'
import { expect, test } from 'vitest'
import { makeCertificate, type TestCertificate, testCertificate } from '../testing/certificate.ts'
import { connectTo } from '../testing/connect.ts'
import { TestGateway } from '../testing/test-gateway.ts'
import { parseEndpoint } from './endpoint.ts'
import { Link } from './link.ts'
import { TlsSource } from './tls-source.ts'

const TOPIC = 'acme/orders'
const methods = grpcMethods(EventService)

/** Files of a pair that is replaced now and then. */
async function pairFiles(folder: string) {
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  const write = async ({ cert, key }: TestCertificate) => {
    await writeFile(files.cert, cert)
    await writeFile(files.key, key)
  }
  return { files, write }
}

test('files are read again after a minute, or a second before dialling; half a rotation changes nothing', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'landbridge-tls-'))
  const { files, write } = await pairFiles(folder.path)
  const [one, two] = await Promise.all(['one', 'two'].map((value) => makeCertificate({ type: 'dns', value })))
  if (one === undefined || two === undefined) throw new Error('no certificates')
  await write(one)
  let now = 0
  const source = new TlsSource(files, () => now)
  const first = source.current(false)
  await writeFile(files.cert, two.cert)
  now = 1_000
  expect(source.current(true)).toBe(first)
  await writeFile(files.key, two.key)
  now = 1_999
  expect(source.current(true)).toBe(first)
  now = 60_999
  expect(source.current(false)).toBe(first)
  now = 61_000
  const second = source.current(false)
  expect(second).not.toBe(first)
  await write(two)
  now = 70_000
  expect(source.current(true)).toBe(second)
})

test('a client certificate that was replaced is used when the old one is not accepted any more', {
  timeout: 15_000,
}, async () => {
  const [server, one, two] = await Promise.all([
    testCertificate(),
    makeCertificate({ type: 'dns', value: 'one' }),
    makeCertificate({ type: 'dns', value: 'two' }),
  ])
  await using folder = await mkdtempDisposable(join(tmpdir(), 'landbridge-tls-'))
  const { files, write } = await pairFiles(folder.path)
  await write(one)
  await using east = await TestGateway.start('east', { clientCa: one.cert })
  await using mesh = await connectTo([east], { tls: { ca: server.cert, ...files } })
  await mesh.publish(TOPIC, { type: 'test' })
  await write(two)
  east.stop()
  east.identity = { clientCa: two.cert }
  await east.start()
  await mesh.publish(TOPIC, { type: 'test' })
  expect(east.clients).toEqual(['one', 'two'])
})

test('calls that are under way go on over the connection that they have', async () => {
  const [server, one, two] = await Promise.all([
    testCertificate(),
    makeCertificate({ type: 'dns', value: 'one' }),
    makeCertificate({ type: 'dns', value: 'two' }),
  ])
  await using folder = await mkdtempDisposable(join(tmpdir(), 'landbridge-tls-'))
  const { files, write } = await pairFiles(folder.path)
  await write(one)
  await using east = await TestGateway.start('east', { clientCa: `${one.cert}\n${two.cert}` })
  let now = 0
  const tls = new TlsSource({ ca: server.cert, ...files }, () => now)
  using link = new Link({ endpoint: parseEndpoint(east.endpoint), tls, random: () => 0 })
  const publish = async (id: string) => {
    const request = create(PublishRequestSchema, { topic: TOPIC, events: [{ id, source: '/s', type: 't' }] })
    const call = { what: 'publish', metadata: new Metadata(), timeoutMs: 2_000, signal: new AbortController().signal }
    await link.unary(methods.publish, request, call)
  }
  const stream = link.stream(methods.publishStream, new Metadata())
  const acks: bigint[] = []
  stream.on('data', ({ batchId }: PublishStreamResponse) => acks.push(batchId))
  const send = (batchId: bigint) =>
    stream.write(create(PublishStreamRequestSchema, { batchId, topic: TOPIC, events: [{ id: `${batchId}` }] }))
  send(1n)
  await expect.poll(() => acks).toEqual([1n])
  await publish('a')
  await write(two)
  now = 60_000
  await publish('b')
  expect(east.clients).toEqual(['one', 'two'])
  send(2n)
  await expect.poll(() => acks).toEqual([1n, 2n])
  const ended = once(stream, 'end')
  stream.end()
  await ended
})
