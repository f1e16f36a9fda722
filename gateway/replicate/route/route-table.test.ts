import { type ConfigSnapshot, type Position, parseDocuments, START } from '@landbridge/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LinkStream } from '../link/link-stream.ts'
import type { PeerLink } from '../link/peer-link.ts'
import { PullRoute } from './pull-route.ts'
import { RouteTable } from './route-table.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const TOPIC = 'acme/orders'

function snapshotOf(costs: Readonly<Record<string, number>>): ConfigSnapshot {
  const apiVersion = 'landbridge.dev/v1alpha1'
  const documents = [
    { apiVersion, kind: 'Topic', metadata: { namespace: 'acme', name: 'orders' }, spec: {} },
    ...Object.entries(costs).map(([name, cost]) => ({
      ...{ apiVersion, kind: 'RegionPeer', metadata: { name } },
      spec: { endpoints: ['localhost:1'], cost },
    })),
  ]
  const { value = [] } = parseDocuments(documents.map((document) => JSON.stringify(document)).join('\n---\n'))
  const topics = new Map(value.flatMap((document) => (document.kind === 'Topic' ? [[TOPIC, document] as const] : [])))
  const peers = new Map(
    value.flatMap((document) => (document.kind === 'RegionPeer' ? [[document.region, document] as const] : [])),
  )
  return { topics, peers } as unknown as ConfigSnapshot
}

/** A table of region "self" with links to some regions, and what they were asked to tell. */
function startTable(costs: Readonly<Record<string, number>>) {
  const snapshot = snapshotOf(costs)
  const table = new RouteTable('self', { snapshot })
  const watched = new Map<string, readonly string[]>()
  const links = new Map(
    Object.keys(costs).map((region) => {
      const watch = (origins: readonly string[]) => watched.set(region, origins)
      const stream = { region, rttMs: 10, watch } as unknown as LinkStream
      const link = { region, stream: undefined as LinkStream | undefined }
      table.addLink(link as unknown as PeerLink)
      const set = (up: boolean) => {
        link.stream = up ? stream : undefined
        watched.delete(region)
        table.linkChanged(link as unknown as PeerLink)
      }
      return [region, { link: link as unknown as PeerLink, set }] as const
    }),
  )
  const linkOf = (region: string) => links.get(region) ?? expect.fail(`no link to ${region}`)
  const tell = (region: string, origin: string, sequence: number) =>
    table.takeHoldings(linkOf(region).link, [
      { topic: TOPIC, origin, position: { sequence: BigInt(sequence), stamp: BigInt(sequence) }, repairing: false },
    ] as never)
  return {
    table,
    watched,
    up: (region: string) => linkOf(region).set(true),
    down: (region: string) => linkOf(region).set(false),
    tell,
  }
}

function startRoute(table: RouteTable, origin: string, position: () => Position = () => START) {
  const moves: string[] = []
  const route = new PullRoute({
    table,
    topicKey: TOPIC,
    origin,
    random: () => 0,
    position,
    onMove: (to) => moves.push(to),
  })
  return { route, moves }
}

const forever = new AbortController().signal

test('peers are asked what they hold only while some origin is not reached itself', async () => {
  const { table, watched, up, down, tell } = startTable({ a: 100, b: 100, c: 100 })
  for (const region of ['a', 'b', 'c']) up(region)
  const { route, moves } = startRoute(table, 'a')
  expect((await route.next(forever)).region).toBe('a')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(watched.size).toBe(0)

  down('a')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(Object.fromEntries(watched)).toEqual({ b: ['a'], c: ['a'] })
  const next = route.next(forever)
  tell('b', 'a', 7)
  expect((await next).region).toBe('b')

  up('a')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(moves).toEqual([])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(moves).toEqual(['a'])
  await vi.advanceTimersByTimeAsync(1_000)
  expect(Object.fromEntries(watched)).toEqual({ b: [], c: [] })
  route.close()
  table.close()
})

test('they are asked, too, where a cost says that a relay may be better', async () => {
  const { table, watched, up } = startTable({ a: 1_000, b: 100, c: 950 })
  for (const region of ['a', 'b', 'c']) up(region)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(Object.fromEntries(watched)).toEqual({ b: ['a', 'c'], c: ['a'] })
  table.close()
})

test('an upstream that gave trouble is tried again when its time is over, or at once over a new link', async () => {
  const { table, up, down } = startTable({ a: 100 })
  up('a')
  const { route } = startRoute(table, 'a')
  await route.next(forever)
  route.trouble('a', 'refused')
  let found: string | undefined
  void route.next(forever).then(({ region }) => {
    found = region
  })
  await vi.advanceTimersByTimeAsync(90)
  expect(found).toBeUndefined()
  await vi.advanceTimersByTimeAsync(20)
  expect(found).toBe('a')

  for (let time = 0; time < 10; time += 1) route.trouble('a', 'refused')
  const next = route.next(forever)
  down('a')
  up('a')
  expect((await next).region).toBe('a')
  route.close()
  table.close()
})

test('waiting for an upstream ends with the signal', async () => {
  const { table } = startTable({ a: 100 })
  const { route } = startRoute(table, 'a')
  const end = new AbortController()
  const next = route.next(end.signal)
  end.abort(new Error('the test is over'))
  await expect(next).rejects.toThrow('the test is over')
  route.close()
  table.close()
})

test('for what another gateway pulls, the same choice says where to ask', () => {
  const { table, up, tell } = startTable({ a: 100, b: 100, c: 100 })
  expect(table.upstreamOf(TOPIC, 'a')).toBeUndefined()
  up('b')
  up('c')
  tell('c', 'a', 9)
  expect(table.upstreamOf(TOPIC, 'a')).toBe('c')
  up('a')
  expect(table.upstreamOf(TOPIC, 'a')).toBe('a')
  table.close()
})
