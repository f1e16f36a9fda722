import { BatchWriter, type StoreRequest, type StoreResult, type WriteMode } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, readAll, startRegion, textOf } from './fixtures.ts'

const modes: readonly WriteMode[] = ['atomic', 'single']

describe.each(modes)('BatchWriter, %s', (mode) => {
  let region: NatsRegion
  beforeAll(async () => {
    region = await startRegion()
  })
  afterAll(() => region[Symbol.asyncDispose]())

  it('stores one request at once and tells where', async () => {
    const stream = await region.makeStream(`${mode}_one`)
    await using writer = new BatchWriter({ session: region.session, stream, mode })
    expect(await writer.store([numbered(`${stream}.a`, 1)])).toEqual([{ kind: 'stored', sequence: 1 }])
    expect(await writer.store([numbered(`${stream}.a`, 1)])).toEqual([{ kind: 'duplicate', sequence: 1 }])
    expect(writer.pressure).toEqual({ messages: 0, bytes: 0 })
  })

  it('keeps the order of many callers', async () => {
    const stream = await region.makeStream(`${mode}_many`)
    await using writer = new BatchWriter({ session: region.session, stream, mode })
    const calls: Promise<readonly StoreResult[]>[] = []
    let number = 0
    for (let call = 0; call < 200; call++) {
      calls.push(writer.store(Array.from({ length: 1 + (call % 23) }, () => numbered(`${stream}.a`, number++))))
      if (call % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const results = (await Promise.all(calls)).flat()
    expect(results.filter(({ kind }) => kind !== 'stored')).toEqual([])
    const messages = await readAll(region.session, stream)
    expect(messages.map((message) => Number(textOf(message)))).toEqual(Array.from({ length: number }, (_, n) => n))
    expect(messages[0]?.header('Nats-Msg-Id')).toBe('id-0')
  })

  // A repeated event makes the server refuse an atomic batch as a whole. If the next batch were on its way by then,
  // the events of the refused one would land behind it.
  it('keeps the order of a subject when a batch is refused while the next is on its way', async () => {
    const stream = await region.makeStream(`${mode}_order`)
    await using writer = new BatchWriter({ session: region.session, stream, mode })
    await writer.store([numbered(`${stream}.a`, 1_000_000)])
    const calls: Promise<readonly StoreResult[]>[] = []
    for (let block = 0; block < 20; block++) {
      const requests: StoreRequest[] = Array.from({ length: 300 }, (_, n) => numbered(`${stream}.a`, block * 300 + n))
      if (block % 3 === 0) requests.splice(150, 0, numbered(`${stream}.a`, 1_000_000))
      calls.push(writer.store(requests))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const results = (await Promise.all(calls)).flat()
    const count = (kind: string) => results.filter((result) => result.kind === kind).length
    expect(count('failed')).toBe(0)
    expect(count('duplicate')).toBe(7)
    const messages = (await readAll(region.session, stream)).slice(1)
    expect(messages.map((message) => Number(textOf(message)))).toEqual(Array.from({ length: 6_000 }, (_, n) => n))
  })

  it('fails what is too large, and stores the rest in order', async () => {
    const stream = await region.makeStream(`${mode}_large`, { max_msg_size: 2_000 })
    await using writer = new BatchWriter({ session: region.session, stream, mode })
    const requests = Array.from({ length: 60 }, (_, n) => numbered(`${stream}.a`, n))
    requests[20] = { ...numbered(`${stream}.a`, 20), payload: new Uint8Array(3_000) }
    requests[59] = { ...numbered(`${stream}.a`, 59), payload: new Uint8Array(2_000_000) }
    const results = await writer.store(requests)
    const failed = results.flatMap((result, index) =>
      result.kind === 'failed' ? [{ index, error: result.error }] : [],
    )
    expect(failed.map(({ index, error }) => [index, error.code, error.ambiguous])).toEqual([
      [20, 'invalid_argument', false],
      [59, 'invalid_argument', false],
    ])
    const numbers = (await readAll(region.session, stream)).map((message) => Number(textOf(message)))
    expect(numbers).toEqual(Array.from({ length: 59 }, (_, n) => n).filter((n) => n !== 20))
  })

  it('says for certain that nothing is stored where there is no stream', async () => {
    await using writer = new BatchWriter({ session: region.session, stream: 'absent', mode })
    for (const count of [1, 10]) {
      const results = await writer.store(Array.from({ length: count }, (_, n) => numbered('absent.a', n)))
      for (const result of results) {
        expect(result).toMatchObject({ kind: 'failed', error: { code: 'unavailable', ambiguous: false } })
      }
    }
  })

  it('goes on after the stream was deleted and made anew', async () => {
    const stream = await region.makeStream(`${mode}_anew`)
    await using writer = new BatchWriter({ session: region.session, stream, mode })
    await writer.store(Array.from({ length: 50 }, (_, n) => numbered(`${stream}.a`, n)))
    await region.ask(`STREAM.DELETE.${stream}`)
    const lost = await writer.store(Array.from({ length: 50 }, (_, n) => numbered(`${stream}.a`, n)))
    expect(new Set(lost.map(({ kind }) => kind))).toEqual(new Set(['failed']))
    await region.makeStream(stream)
    const again = await writer.store(Array.from({ length: 50 }, (_, n) => numbered(`${stream}.a`, n)))
    expect(new Set(again.map(({ kind }) => kind))).toEqual(new Set(['stored']))
    expect(await readAll(region.session, stream)).toHaveLength(50)
  })

  it('refuses at its bounds', async () => {
    const stream = await region.makeStream(`${mode}_bounds`)
    await using writer = new BatchWriter({ session: region.session, stream, mode, messagesInFlightMax: 100 })
    const first = writer.store(Array.from({ length: 100 }, (_, n) => numbered(`${stream}.a`, n)))
    expect(await writer.store([numbered(`${stream}.a`, 100)])).toMatchObject([
      { kind: 'failed', error: { code: 'resource_exhausted', ambiguous: false } },
    ])
    await first
    expect(await writer.store([numbered(`${stream}.a`, 100)])).toMatchObject([{ kind: 'stored' }])
  })

  it('writes singly where the stream does not take batches', async () => {
    const stream = await region.makeStream(`${mode}_plain`, { allow_atomic: false, allow_batched: false })
    const warnings: string[] = []
    const log = { debug() {}, info() {}, warn: (_: unknown, text: string) => warnings.push(text), error() {} }
    await using writer = new BatchWriter({ session: region.session, stream, mode, log })
    for (let round = 0; round < 3; round++) {
      const results = await writer.store(Array.from({ length: 40 }, (_, n) => numbered(`${stream}.a`, round * 40 + n)))
      expect(results.filter(({ kind }) => kind !== 'stored')).toEqual([])
    }
    expect(writer.mode).toBe('single')
    expect(warnings).toHaveLength(mode === 'single' ? 0 : 1)
    const numbers = (await readAll(region.session, stream)).map((message) => Number(textOf(message)))
    expect(numbers).toEqual(Array.from({ length: 120 }, (_, n) => n))
  })
})
