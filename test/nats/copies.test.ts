import { BatchWriter, findCopies, IdRoom, recordAt, StreamIds, StreamReader } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, startRegion, until } from './fixtures.ts'

let region: NatsRegion
beforeAll(async () => {
  region = await startRegion()
})
afterAll(() => region[Symbol.asyncDispose]())

async function store(stream: string, subject: string, numbers: readonly number[]): Promise<void> {
  await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
  const results = await writer.store(numbers.map((number) => numbered(`${stream}.${subject}`, number)))
  expect(results.filter(({ kind }) => kind !== 'stored')).toEqual([])
}

async function stampMs(stream: string, sequence: number): Promise<number> {
  const record = await recordAt(region.session, stream, sequence)
  return Number((record?.stampNs ?? 0n) / 1_000_000n)
}

describe('findCopies', () => {
  it('finds what was stored since then, and nothing else', async () => {
    const stream = await region.makeStream('span')
    await store(stream, 'a', [1, 2, 3])
    const lateMs = (await stampMs(stream, 3)) + 20
    await until(() => Date.now() > lateMs)
    await store(stream, 'b', [4, 5])
    const find = (ids: readonly string[], fromMs: number, filter = `${stream}.>`) =>
      findCopies({ session: region.session, stream, filter, fromMs, ids: new Set(ids) })
    expect([...(await find(['id-1', 'id-5', 'id-9'], 0))]).toEqual([
      ['id-1', 1],
      ['id-5', 5],
    ])
    expect([...(await find(['id-1', 'id-5'], lateMs - 10))]).toEqual([['id-5', 5]])
    expect([...(await find(['id-1', 'id-5'], 0, `${stream}.a`))]).toEqual([['id-1', 1]])
    expect([...(await find(['id-1'], Date.now() + 60_000))]).toEqual([])
    expect([...(await find([], 0))]).toEqual([])
  })

  // A search asked for events and marked events by two filters. nats-server 2.15 then begins at the first record behind the
  // time that is also the first of its filter: here the first marked one. A copy before it was not found, and stored twice.
  it('finds what was stored before the first marked event', async () => {
    const stream = await region.makeStream('first-mark')
    await store(stream, 'a', [1])
    const lateMs = (await stampMs(stream, 1)) + 20
    await until(() => Date.now() > lateMs)
    await store(stream, 'a', [2, 3])
    await store(stream, 'a.m', [4])
    await store(stream, 'a', [5])
    const ids = new Set(['id-1', 'id-2', 'id-3', 'id-4', 'id-5'])
    const found = await findCopies({ session: region.session, stream, filter: `${stream}.>`, fromMs: lateMs - 10, ids })
    expect([...found.keys()]).toEqual(['id-2', 'id-3', 'id-4', 'id-5'])
    const start = { timeMs: lateMs - 10 }
    const filters = [`${stream}.*`, `${stream}.*.m`]
    expect(() => new StreamReader({ session: region.session, stream, filters, start, onMessage: () => {} })).toThrow(
      'there are several filters, wanted one with a start by time',
    )
  })

  it('stops when told to', async () => {
    const stream = await region.makeStream('stop')
    await store(stream, 'a', [1])
    const options = { session: region.session, stream, filter: `${stream}.a`, fromMs: 0, ids: new Set(['x']) }
    await expect(findCopies({ ...options, signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow('late')
    await expect(findCopies({ ...options, stream: 'absent' })).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('StreamIds', () => {
  it('has seen everything that was stored before the refresh', async () => {
    const stream = await region.makeStream('marks')
    const marked = new StreamIds({ session: region.session, stream, filter: `${stream}.*.m` })
    await marked.refresh()
    expect([marked.size, marked.seen]).toEqual([0, 0])
    await store(stream, '0', [1, 2])
    await store(stream, '0.m', [3])
    await marked.refresh()
    expect([marked.has('id-3'), marked.has('id-1'), marked.seen]).toEqual([true, false, 3])
    expect(marked.sequenceOf('id-3')).toBe(3)
    for (let round = 0; round < 20; round++) {
      await store(stream, `${round % 3}.m`, [100 + 2 * round, 101 + 2 * round])
      await Promise.all([marked.refresh(), marked.refresh(), marked.refresh()])
      expect(marked.has(`id-${101 + 2 * round}`)).toBe(true)
    }
    expect(marked.size).toBe(41)
  })

  it('forgets when the stream was made anew', async () => {
    const stream = await region.makeStream('marks_anew')
    const marked = new StreamIds({ session: region.session, stream, filter: `${stream}.*.m` })
    await store(stream, '0.m', [1, 2])
    await marked.refresh()
    await region.ask(`STREAM.DELETE.${stream}`)
    await region.makeStream(stream)
    await store(stream, '0.m', [7, 8, 9])
    await marked.refresh()
    expect(['id-1', 'id-2', 'id-7', 'id-8', 'id-9'].map((id) => marked.has(id))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ])
  })

  it('is built anew after a lost connection, and refuses to answer without one', async () => {
    const stream = await region.makeStream('marks_lost')
    const marked = new StreamIds({ session: region.session, stream, filter: `${stream}.*.m` })
    await store(stream, '0.m', [1])
    await marked.refresh()
    await region.servers.kill()
    await until(() => !region.session.connected)
    await expect(marked.refresh()).rejects.toMatchObject({ code: 'unavailable' })
    await region.servers.start()
    await until(() => region.session.connected)
    await marked.refresh()
    expect(marked.has('id-1')).toBe(true)
  })

  it('is bounded, forgets the oldest and says so once', async () => {
    const stream = await region.makeStream('marks_many')
    const warnings: string[] = []
    const log = { debug() {}, info() {}, warn: (_: unknown, text: string) => warnings.push(text), error() {} }
    const marked = new StreamIds({
      session: region.session,
      stream,
      filter: `${stream}.*.m`,
      room: new IdRoom(10),
      log,
    })
    await store(
      stream,
      '0.m',
      Array.from({ length: 30 }, (_, n) => n),
    )
    await marked.refresh()
    expect([marked.size, marked.has('id-19'), marked.has('id-20')]).toEqual([10, false, true])
    // These do not say when the last attempt ended.
    expect([marked.complete, marked.covers({ origin: 'us-east', storedMs: Date.now() })]).toEqual([false, false])
    expect(warnings).toHaveLength(1)
  })
})
