import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import { silentLog } from '@landbridge/service'
import { expect, test } from 'vitest'
import { KubeClient } from './kube-client.ts'
import { ListWatch } from './list-watch.ts'
import type { KubeObject } from './types.ts'

type Thing = KubeObject & { readonly text: string }

const THINGS = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }

const thing = (resourceVersion: string, text: string, uid = 'u'): Thing => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', namespace: 'n', uid, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' },
  text,
})

/** What follows things that the test tells of, with one that is there from the start. */
async function follow() {
  const parts = new AsyncDisposableStack()
  const watch = Promise.withResolvers<ServerResponse>()
  const server = createServer((request, response) => {
    if (request.url?.includes('watch=true') === true) {
      response.flushHeaders()
      watch.resolve(response)
    } else response.end(JSON.stringify({ items: [thing('1', 'made')], metadata: { resourceVersion: '1' } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  parts.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [
      { name: 'c', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    ],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  let changes = 0
  let end = Promise.withResolvers<void>()
  const things = new ListWatch<Thing>({
    client: new KubeClient(config),
    type: THINGS,
    log: silentLog(),
    onChange: (key) => {
      if (key === 'n/end') end.resolve()
      else changes += 1
    },
  })
  parts.use(things)
  const events = await watch.promise
  await things.synced
  const other = { ...thing('100', '').metadata, name: 'end' }
  return {
    things,
    /** What is held, after the watch has told this. */
    async told(type: string, object: Thing): Promise<{ readonly text: string | undefined; readonly changes: number }> {
      const before = changes
      end = Promise.withResolvers()
      // Once the other one is there, the first was taken.
      events.write(
        `${JSON.stringify({ type, object })}\n${JSON.stringify({ type: 'ADDED', object: { ...object, metadata: other } })}\n`,
      )
      await end.promise
      return { text: things.objects.get('n/a')?.text, changes: changes - before }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

test('what was written here counts at once, older news do not undo it, and its own news are none', async () => {
  await using following = await follow()
  const { things, told } = following
  things.learn(thing('1', 'made'), thing('5', 'written'))
  expect(things.objects.get('n/a')?.text).toBe('written')
  expect(await told('MODIFIED', thing('4', 'told late'))).toEqual({ text: 'written', changes: 1 })
  things.learn(thing('5', 'written'), thing('6', 'written again'))
  expect(await told('MODIFIED', thing('5', 'written'))).toEqual({ text: 'written again', changes: 1 })
  expect(await told('MODIFIED', thing('6', 'written again'))).toEqual({ text: 'written again', changes: 0 })
  expect(await told('MODIFIED', thing('7', 'by somebody after'))).toEqual({ text: 'by somebody after', changes: 1 })
})

test('an answer that comes after the news of it, or of what followed, changes nothing', async () => {
  await using following = await follow()
  const { things, told } = following
  expect(await told('MODIFIED', thing('5', 'written'))).toEqual({ text: 'written', changes: 1 })
  things.learn(thing('1', 'made'), thing('5', 'written'))
  expect(await told('MODIFIED', thing('6', 'after'))).toEqual({ text: 'after', changes: 1 })
  things.learn(thing('1', 'made'), thing('5', 'written'))
  expect(things.objects.get('n/a')?.text).toBe('after')
  expect(await told('MODIFIED', thing('7', 'still followed'))).toEqual({ text: 'still followed', changes: 1 })
})

test('what is gone does not come back by an answer', async () => {
  await using following = await follow()
  const { things, told } = following
  things.learn(thing('1', 'made'), thing('5', 'written'))
  expect(await told('DELETED', thing('7', 'gone'))).toEqual({ text: undefined, changes: 1 })
  things.learn(thing('5', 'written'), thing('6', 'written'))
  expect(things.objects.has('n/a')).toBe(false)
  expect(await told('ADDED', thing('9', 'new', 'v'))).toEqual({ text: 'new', changes: 1 })
  things.learn(thing('5', 'written'), thing('6', 'of the old one'))
  expect(things.objects.get('n/a')?.text).toBe('new')
})
