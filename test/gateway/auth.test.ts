import { connect as tlsConnect } from 'node:tls'
import { status } from '@grpc/grpc-js'
import { loadConfig, silentLog, startGateway } from '@landbridge/gateway'
import type { TokenRequest } from '@landbridge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { event, failureOf, type TestClient } from './client.ts'
import { type Fixture, startFixture } from './fixture.ts'
import { TestSubscription } from './stream.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await startFixture()
})
afterAll(() => fixture?.[Symbol.asyncDispose]())

async function withToken(request: Partial<TokenRequest>): Promise<TestClient> {
  return fixture.client({ token: await fixture.issuer.token({ subject: 'alice', ...request }) })
}

const stored = async () => {
  const { topic } = await (await fixture.client()).getTopic('acme/orders')
  return topic?.lastSequence
}

describe('a call is refused, and nothing is stored,', () => {
  test.each<[string, Partial<TokenRequest>, RegExp]>([
    ['of another issuer', { issuer: 'https://elsewhere.example' }, /issuer/],
    ['for another audience', { audience: 'elsewhere' }, /audience/],
    ['that has expired', { expiresInSeconds: -1 }, /expired/],
    ['that is not valid yet', { notBeforeInSeconds: 600 }, /nbf/],
    ['without a signature (alg none)', { signing: 'none' }, /algorithm|malformed/],
    ['signed by another key under a known id', { signing: 'wrong-key' }, /signature/],
    ['signed by an unknown key', { signing: 'unknown-key' }, /kid/],
    ['signed with HS256 and the public key', { signing: 'public-key-as-secret' }, /algorithm/],
    ['without a subject', { claims: { sub: '' } }, /sub/],
  ])('with a token %s', async (_name, request, text) => {
    const before = await stored()
    const error = await failureOf((await withToken(request)).publish('acme/orders', [event('never')]))
    expect(error.code).toBe(status.UNAUTHENTICATED)
    expect(error.details).toMatch(text)
    expect(await stored()).toBe(before)
  })

  test.each([
    ['without any credentials', undefined, /no credentials/],
    ['with a malformed authorization', { authorization: 'Basic YWxpY2U6YWxpY2U=' }, /Bearer/],
    ['with something that is no token', { authorization: 'Bearer nonsense' }, /malformed/],
  ])('%s', async (_name, metadata, text) => {
    const client = await fixture.client({ token: undefined, ...(metadata === undefined ? {} : { metadata }) })
    for (const call of [
      failureOf(client.publish('acme/orders', [event('never')])),
      failureOf(client.listTopics()),
      failureOf(client.apply('')),
    ]) {
      const error = await call
      expect(error.code).toBe(status.UNAUTHENTICATED)
      expect(error.details).toMatch(text)
    }
    const stream = new TestSubscription(client.subscribe())
    expect((await stream.received.ended())?.code).toBe(status.UNAUTHENTICATED)
  })

  test('with a certificate of another CA, with and without a token', async () => {
    const { certificates } = fixture
    const certificate = await certificates.client('acme', 'mallory', { authority: certificates.foreign })
    for (const token of [undefined, await fixture.issuer.token({ subject: 'alice' })]) {
      const client = await fixture.client({ certificate, token })
      const error = await failureOf(client.publish('acme/orders', [event('never')]))
      expect(error.code).toBe(status.UNAUTHENTICATED)
      expect(error.details).toMatch(/certificate/)
    }
  })

  test('with an expired certificate', async () => {
    const certificate = await fixture.certificates.client('acme', 'late', { notAfter: new Date(Date.now() - 1000) })
    const error = await failureOf((await fixture.client({ certificate })).listTopics())
    expect(error.code).toBe(status.UNAUTHENTICATED)
  })

  test("for another tenant's topic, which looks the same whether it exists or not", async () => {
    const client = await fixture.client()
    const texts = []
    for (const topic of ['globex/secrets', 'globex/nothing']) {
      const error = await failureOf(client.publish(topic, [event('never')]))
      expect(error.code).toBe(status.PERMISSION_DENIED)
      texts.push(error.details.replace(topic.split('/')[1] ?? '', '<topic>'))
      expect((await failureOf(client.getTopic(topic))).code).toBe(status.PERMISSION_DENIED)
    }
    expect(texts[0]).toBe(texts[1])
    const { topics } = await client.listTopics()
    expect(topics.every(({ name }) => name.startsWith('acme/'))).toBe(true)
  })

  test('for administration, without the right to it', async () => {
    const client = await fixture.client()
    const topic =
      '{ apiVersion: landbridge.dev/v1alpha1, kind: Topic, metadata: { namespace: acme, name: mine }, spec: {} }'
    expect((await failureOf(client.apply(topic))).code).toBe(status.PERMISSION_DENIED)
    expect((await failureOf(client.getTopic('acme/mine'))).code).toBe(status.NOT_FOUND)
  })
})

test('TLS 1.2 is refused', async () => {
  const [host = '', port = ''] = fixture.gateway.grpc.split(':')
  const handshake = (version: 'TLSv1.2' | 'TLSv1.3') => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const socket = tlsConnect({
      host,
      port: Number(port),
      minVersion: version,
      maxVersion: version,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    })
    socket.once('secureConnect', () => resolve(socket.getProtocol() ?? 'none'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    return promise.finally(() => socket.destroy())
  }
  expect(await handshake('TLSv1.3')).toBe('TLSv1.3')
  expect(await handshake('TLSv1.2')).toMatch(/PROTOCOL_VERSION|ECONNRESET/)
})

test('a certificate alone is a principal, by its SPIFFE id; tokens and certificates go together', async () => {
  await fixture.apply(`
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: billing }
spec:
  principals: [{ spiffe: 'spiffe://mesh.test/ns/acme/sa/billing' }]
  topics: [orders]
  operations: [publish]
`)
  const certificate = await fixture.certificates.client('acme', 'billing')
  const alone = await fixture.client({ certificate })
  expect((await alone.publish('acme/orders', [event('by-certificate')])).results).toHaveLength(1)
  const token = await fixture.issuer.token({ subject: 'nobody' })
  const both = await fixture.client({ certificate, token })
  expect((await both.publish('acme/orders', [event('by-both')])).results).toHaveLength(1)
  // A bad token beside a good certificate is refused, not ignored.
  const expired = await fixture.issuer.token({ subject: 'alice', expiresInSeconds: -5 })
  const bad = await fixture.client({ certificate, token: expired })
  expect((await failureOf(bad.publish('acme/orders', [event('never')]))).code).toBe(status.UNAUTHENTICATED)
})

test('keys rotate without a restart, and a key that is withdrawn stops counting', async () => {
  await using rotating = await startFixture({ env: { LANDBRIDGE_JWKS_REFRESH_SECONDS: '1' } })
  const old = await rotating.client()
  await old.publish('acme/orders', [event('old-key')])
  await rotating.issuer.rotateKey()
  const token = await rotating.issuer.token({ subject: 'alice' })
  const fresh = await rotating.client({ token })
  // The key set is asked at most once in 5 s, so the first tries may be too early.
  await expect
    .poll(
      () =>
        fresh.publish('acme/orders', [event('new-key')]).then(
          () => 'stored',
          () => 'refused',
        ),
      { timeout: 9000 },
    )
    .toBe('stored')
  await old.publish('acme/orders', [event('old-key-still')])
  await rotating.issuer.rotateKey({ forgetOld: true })
  // Its key is no longer among those published: it counts for one refresh and one memory of the token, not longer.
  await expect
    .poll(
      () =>
        old.publish('acme/orders', [event('withdrawn')]).then(
          () => status.OK,
          (error) => error.code,
        ),
      { timeout: 5000 },
    )
    .toBe(status.UNAUTHENTICATED)
}, 20_000)

test('a stream ends when its token does', async () => {
  const client = await withToken({ expiresInSeconds: 2 })
  const subscription = await new TestSubscription(client.subscribe()).start({})
  const error = await subscription.received.ended()
  expect(error?.code).toBe(status.UNAUTHENTICATED)
})

test('a policy change counts at once, for new calls and for open streams', async () => {
  const policy = (operations: string) => `
apiVersion: landbridge.dev/v1alpha1
kind: AccessPolicy
metadata: { namespace: acme, name: carol }
spec: { principals: [{ subject: carol }], topics: [orders], operations: [${operations}] }
`
  const client = await fixture.client({ subject: 'carol' })
  expect((await failureOf(client.publish('acme/orders', [event('c-0')]))).code).toBe(status.PERMISSION_DENIED)
  await fixture.apply(policy('publish, subscribe'))
  await expect
    .poll(() =>
      client.publish('acme/orders', [event('c-1')]).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
  const subscription = await new TestSubscription(client.subscribe()).start({})
  await fixture.apply(policy('publish'))
  expect((await subscription.received.ended())?.code).toBe(status.PERMISSION_DENIED)
  await client.publish('acme/orders', [event('c-2')])
})

test('with certificates required, a connection without one is refused in the handshake', async () => {
  await using strict = await startGateway(loadConfig({ ...fixture.env, LANDBRIDGE_CLIENT_CERTIFICATES: 'required' }), {
    log: silentLog(),
  })
  const endpoint = strict.grpc
  const certificate = await fixture.certificates.client('acme', 'strict')
  const token = await fixture.issuer.token({ subject: 'alice' })
  const good = await fixture.client({ endpoint, certificate, token })
  expect((await good.publish('acme/orders', [event('strict')])).results).toHaveLength(1)
  for (const wanted of [
    {},
    { certificate: await fixture.certificates.client('acme', 'x', { authority: fixture.certificates.foreign }) },
  ]) {
    const error = await failureOf((await fixture.client({ endpoint, token, ...wanted })).listTopics())
    expect(error.code).toBe(status.UNAVAILABLE)
  }
})
