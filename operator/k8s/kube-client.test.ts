import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, expect, test } from 'vitest'
import { KubeClient } from './kube-client.ts'
import { KubeError } from './kube-error.ts'

const THINGS = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }

let parts = new AsyncDisposableStack()
afterEach(async () => {
  await parts.disposeAsync()
  parts = new AsyncDisposableStack()
})

/** A client of a server that answers so, and what the server saw. */
async function serve(listener: RequestListener) {
  const seen = { connections: 0, tokens: new Set<string | undefined>() }
  const server = createServer((request, response) => {
    seen.tokens.add(request.headers.authorization)
    listener(request, response)
  })
  server.on('connection', () => {
    seen.connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  parts.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }],
    users: [{ name: 'u', token: 'secret' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  return { client: new KubeClient(config), seen }
}

test('requests share connections, and each has the token', async () => {
  const { client, seen } = await serve((_request, response) => {
    response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '1' } }))
  })
  for (let count = 0; count < 20; count++) await client.list(THINGS, 'a', {})
  // One that is still being given back is not waited for.
  expect(seen.connections).toBeLessThan(5)
  expect(seen.tokens).toEqual(new Set(['Bearer secret']))
})

test('a server that throttles says for how long', async () => {
  const { client } = await serve((_request, response) => {
    response.writeHead(429, { 'retry-after': '3' }).end('Too many requests, please try again later.')
  })
  await expect(client.list(THINGS, 'a', {})).rejects.toMatchObject({ status: 429, retryAfterMs: 3_000 })
})

test('a connection that breaks is an error that can be tried again', async () => {
  const { client } = await serve((request) => request.socket.destroy())
  await expect(client.get(THINGS, { namespace: 'a', name: 'b' })).rejects.toMatchObject({
    status: 0,
    isTransient: true,
  })
})

test('watches that stay open hold up no other request', async () => {
  const { client } = await serve((request, response) => {
    if (request.url?.includes('watch=true') === true) response.write('{"type":"BOOKMARK","object":{"metadata":{}}}\n')
    else if (request.method === 'GET') response.writeHead(404).end('{}')
    else request.on('data', () => undefined).on('end', () => response.end('{}'))
  })
  const ended = new AbortController()
  const watches = Array.from({ length: 3 }, () =>
    client.watch(THINGS, 'a', { query: {}, signal: ended.signal }, () => undefined).catch(() => undefined),
  )
  const signal = AbortSignal.timeout(10_000)
  for (let count = 0; count < 20; count++) {
    expect(await client.get(THINGS, { namespace: 'a', name: 'b' }, signal)).toBeUndefined()
    await client.create(THINGS, 'a', { count }, signal)
  }
  ended.abort()
  await Promise.all(watches)
})

// The server's word that a version is gone (410) ended the whole operator: nobody listened for the end of the connection.
test('a watch ends with what its listener throws, and with nothing else', async () => {
  const closed = Promise.withResolvers<void>()
  const { client } = await serve((_request, response) => {
    response.on('close', () => closed.resolve())
    response.write('{"type":"ERROR","object":{"code":410}}\n')
  })
  const uncaught: unknown[] = []
  const note = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtException', note)
  parts.defer(() => void process.off('uncaughtException', note))
  const gone = new KubeError('watch things: too old', { status: 410 })
  const watching = client.watch(THINGS, 'a', { query: {}, signal: AbortSignal.timeout(10_000) }, () => {
    throw gone
  })
  await expect(watching).rejects.toBe(gone)
  await closed.promise
  await new Promise((resolve) => setImmediate(resolve))
  expect(uncaught).toEqual([])
})
