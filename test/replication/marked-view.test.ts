import { encodeHeaders, type RetryMark, type TopicName } from '@landbridge/core'
import { BatchWriter } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { MarkedViews } from '../../gateway/marked-views.ts'
import { findOwnCopies } from '../../gateway/replicate/pull/copy-check.ts'
import type { PullRecord } from '../../gateway/replicate/pull/received.ts'
import type { TopicEntry } from '../../gateway/topics.ts'
import { numbered, startRegion } from '../nats/fixtures.ts'

const name: TopicName = { tenant: 'acme', topic: 'orders' }
const silent = { debug() {}, info() {}, warn() {}, error() {} }

// The story: the stream had lost its tail, and one pull had the set of marked ids read anew. Meanwhile the others, whose
// view was younger than a second, asked the set that was still empty and stored events that were there already.
test('nobody is answered from a set that is being read anew', async () => {
  await using region = await startRegion()
  const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  await using writer = new BatchWriter({ session: region.session, stream })
  const subject = 'lb.acme.orders.us-east.0.m'
  await writer.store(Array.from({ length: 3_000 }, (_, n) => numbered(subject, n)))
  const log = silent as unknown as ConstructorParameters<typeof MarkedViews>[1]
  const view = new MarkedViews(region.session, log).of({ key: 'acme/orders', stream, document: { name } } as TopicEntry)
  await view.see(performance.now())
  const seenAt = performance.now()
  expect([view.has('id-5'), view.has('id-2999')]).toEqual([true, true])
  await region.ask(`STREAM.MSG.DELETE.${stream}`, { seq: 3_000 })
  let over = false
  const anew = view.see(performance.now()).finally(() => {
    over = true
  })
  const answers = new Set<string>()
  while (!over) {
    // Another pull: what it saw is younger than a second. It is answered by the old set or by the new one.
    await view.see(seenAt - 1_000)
    answers.add(`${view.has('id-5')}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await anew
  expect([...answers]).toEqual(['true'])
  expect([view.has('id-5'), view.has('id-2999')]).toEqual([true, false])
})

test('searches that follow each other read only what is new, and find all the same', async () => {
  await using region = await startRegion()
  const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  await using writer = new BatchWriter({ session: region.session, stream })
  const store = (from: number, count: number) => {
    const subjects = ['lb.acme.orders.us-east.0', 'lb.acme.orders.eu-west.1', 'lb.acme.orders.us-east.0.m']
    return writer.store(
      Array.from({ length: count }, (_, at) => numbered(subjects[at % 3] ?? '', from + at)).map((request) => request),
    )
  }
  const log = silent as unknown as ConstructorParameters<typeof MarkedViews>[1]
  const view = new MarkedViews(region.session, log).of({ key: 'a', stream, document: { name } } as TopicEntry)
  const beganMs = Date.now() - 1_000
  for (let round = 0; round < 10; round++) {
    await store(round * 300, 300)
    const ids = new Set([0, round * 300, round * 300 + 1, round * 300 + 299, 3_000].map((number) => `id-${number}`))
    const found = await view.copiesSince(beganMs - round, ids)
    expect([...ids].filter((id) => !found.has(id))).toEqual(['id-3000'])
    expect(found.get('id-0')).toBe(1)
  }
  // Nothing is remembered of a stream that was made anew.
  await region.ask(`STREAM.DELETE.${stream}`)
  await region.makeStream(stream, { subjects: ['lb.acme.orders.>'] })
  await store(5_000, 3)
  const found = await view.copiesSince(beganMs, new Set(['id-0', 'id-5001']))
  expect([...found.keys()]).toEqual(['id-5001'])
})

// The story: a gateway was told to end while its store hung. A pull that looked for copies waited for the store, and the
// gateway for the pull.
test('who is told to stop waits no longer for a store that does not answer', async () => {
  await using region = await startRegion()
  const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  const log = silent as unknown as ConstructorParameters<typeof MarkedViews>[1]
  const view = new MarkedViews(region.session, log).of({ key: 'a', stream, document: { name } } as TopicEntry)
  await view.copiesSince(0, new Set(['id-1']))
  region.servers.pause()
  const stop = new AbortController()
  const reason = new Error('stopped')
  const waiting = [view.see(performance.now(), stop.signal), view.copiesSince(0, new Set(['id-1']), stop.signal)]
  stop.abort(reason)
  expect(await Promise.allSettled(waiting)).toEqual([
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ])
  region.servers.resume()
})

// The story: the set of marked ids forgot the oldest ones when it was full, and said of them what it says of ids that it
// never saw: no copy. An original that had waited behind a cut link was stored beside its copy.
test('an original is found to be there already, also when the set had no room for its copy', async () => {
  await using region = await startRegion()
  const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  await using writer = new BatchWriter({ session: region.session, stream })
  const marked = (at: number): RetryMark => ({ region: 'us-east', sinceMs: 1_000 + at, untilMs: 2_000 + at })
  await writer.store(
    Array.from({ length: 50 }, (_, at) => {
      const headers = encodeHeaders({ messageId: `id-${at}`, origin: undefined, mark: marked(at) })
      return { ...numbered('lb.acme.orders.eu-west.0.m', at), headers, messageId: '' }
    }),
  )
  const log = silent as unknown as ConstructorParameters<typeof MarkedViews>[1]
  const topic = { key: 'acme/orders', stream, document: { name } } as TopicEntry
  const view = new MarkedViews(region.session, log, 10).of(topic)
  const record = (id: string, storedMs: number) =>
    ({ messageId: id, mark: undefined, position: { sequence: 1, stamp: BigInt(storedMs) * 1_000_000n } }) as PullRecord
  const startedAt = performance.now()
  const context = {
    marked: view,
    origin: 'us-east',
    duplicateWindowMs: 120_000,
    floorAt: startedAt,
    thorough: false,
    now: () => 3_000,
    signal: new AbortController().signal,
  }
  const records = [record('id-3', 1_500), record('id-45', 1_500), record('id-99', 1_500), record('id-98', 9_000)]
  const { copies, checkedAt } = await findOwnCopies(records, context)
  expect(copies).toEqual([true, true, false, false])
  expect(checkedAt).toBeGreaterThan(startedAt)
  expect([view.has('id-3'), view.has('id-45')]).toEqual([false, true])
  const covers = (storedMs: number, origin = 'us-east') => view.covers({ origin, storedMs })
  expect([covers(2_039), covers(2_040), covers(2_039, 'eu-west')]).toEqual([false, true, true])
})
