import type { MeshError } from '@landbridge/core'
import { BatchWriter, lastRecord, nextRecord, recordAt, type StoredMessage, StreamReader } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, startRegion, textOf, until } from './fixtures.ts'

let region: NatsRegion
beforeAll(async () => {
  region = await startRegion()
})
afterAll(() => region[Symbol.asyncDispose]())

async function filled(name: string, count: number, payloadBytes = 0): Promise<string> {
  const stream = await region.makeStream(name)
  await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
  const requests = Array.from({ length: count }, (_, n) => ({
    ...numbered(`${stream}.${n % 2 === 0 ? 'even' : 'odd'}`, n),
    headers: `NATS/1.0\r\nLb-Number: ${n}\r\n\r\n`,
    ...(payloadBytes > 0 ? { payload: new Uint8Array(payloadBytes) } : {}),
  }))
  const results = await writer.store(requests)
  expect(results.filter(({ kind }) => kind !== 'stored')).toEqual([])
  return stream
}

describe('single records', () => {
  it('come from the leader, with headers and the exact stamp', async () => {
    const stream = await filled('records', 10)
    const last = await lastRecord(region.session, stream, `${stream}.even`)
    expect(last).toMatchObject({ sequence: 9, subject: `${stream}.even`, pending: 0 })
    expect(last?.header('Lb-Number')).toBe('8')
    expect(last?.header('Nats-Msg-Id')).toBe('id-8')
    expect(last?.header('Absent')).toBeUndefined()
    const at = await recordAt(region.session, stream, 9)
    expect(at?.stampNs).toBe(last?.stampNs)
    expect(at && textOf(at)).toBe('8')
    expect((await nextRecord(region.session, stream, 3, `${stream}.even`))?.sequence).toBe(3)
    expect((await nextRecord(region.session, stream, 4, `${stream}.even`))?.sequence).toBe(5)
    expect(await nextRecord(region.session, stream, 10, `${stream}.even`)).toBeUndefined()
    expect(await recordAt(region.session, stream, 11)).toBeUndefined()
    expect(await lastRecord(region.session, stream, `${stream}.none`)).toBeUndefined()
    await expect(lastRecord(region.session, 'absent', 'absent.>')).rejects.toMatchObject({ code: 'not_found' })
    const delivered: StoredMessage[] = []
    await using _reader = new StreamReader({
      session: region.session,
      stream,
      filters: [`${stream}.even`],
      start: { sequence: 9 },
      onMessage: (message) => delivered.push(message),
    })
    await until(() => delivered.length > 0)
    expect(delivered[0]?.stampNs).toBe(last?.stampNs)
    expect(delivered[0]?.header('Lb-Number')).toBe('8')
  })
})

describe('StreamReader', () => {
  it('begins where it is told and follows', async () => {
    const stream = await filled('starts', 10)
    const timeMs = Number(((await recordAt(region.session, stream, 1))?.stampNs ?? 0n) / 1_000_000n)
    const read = (start: StreamReader['position'] | 'all' | 'new' | 'time', filters: string[] = []) => {
      const sequences: number[] = []
      const at = start === 'time' ? { timeMs } : typeof start === 'number' ? { sequence: start } : start
      const caughtUp = Promise.withResolvers<void>()
      const reader = new StreamReader({
        session: region.session,
        stream,
        filters,
        start: at,
        headersOnly: start === 'all',
        onMessage: (message) => {
          if (start === 'all') expect(message.payload).toHaveLength(0)
          sequences.push(message.sequence)
        },
        onCaughtUp: caughtUp.resolve,
      })
      return { reader, sequences, caughtUp: caughtUp.promise }
    }
    const runs = [read('all'), read('new'), read(4), read('time'), read(1, [`${stream}.odd`]), read(20)]
    await Promise.all(runs.map(({ caughtUp }) => caughtUp))
    await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
    await writer.store([numbered(`${stream}.odd`, 100)])
    const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    await until(() => runs.slice(0, 5).every(({ sequences }) => sequences.at(-1) === 11))
    expect(runs.map(({ sequences }) => sequences)).toEqual([all, [11], all.slice(3), all, [2, 4, 6, 8, 10, 11], []])
    expect(runs.map(({ reader }) => reader.position)).toEqual([11, 11, 11, 11, 11, 19])
    await Promise.all(runs.map(({ reader }) => reader.close()))
  })

  it('gives nothing while paused and holds at most a window', async () => {
    const stream = await filled('pressure', 2_000, 1_000)
    const before = region.session.connection.stats().inBytes
    let count = 0
    await using reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      windowMessages: 100,
      onMessage: () => {
        count++
        if (count === 10) reader.pause()
      },
    })
    await until(() => count === 10)
    // The server has sent the whole window, and it has arrived.
    type List = { readonly consumers: readonly { readonly delivered: { readonly consumer_seq: number } }[] }
    await until(async () => {
      const { consumers } = await region.ask<List>(`CONSUMER.LIST.${stream}`)
      return consumers[0]?.delivered.consumer_seq === 100
    })
    await region.session.connection.flush()
    expect(count).toBe(10)
    expect(region.session.connection.stats().inBytes - before).toBeLessThan(160_000)
    reader.resume()
    await until(() => count === 2_000)
    expect(reader.position).toBe(2_000)
  })

  it('bounds bytes, and still reads a record that is larger than its window', async () => {
    const stream = await filled('large', 20, 100_000)
    const sequences: number[] = []
    await using _reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      windowBytes: 64_000,
      onMessage: (message) => sequences.push(message.sequence),
    })
    await until(() => sequences.length === 20)
    expect(sequences).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  })

  it('goes on after its consumer was deleted', async () => {
    const stream = await filled('consumer', 5)
    const sequences: number[] = []
    await using _reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      onMessage: (message) => sequences.push(message.sequence),
    })
    await until(() => sequences.length === 5)
    const { consumers } = await region.ask<{ readonly consumers: readonly string[] }>(`CONSUMER.NAMES.${stream}`)
    for (const name of consumers) await region.ask(`CONSUMER.DELETE.${stream}.${name}`)
    await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
    await writer.store([numbered(`${stream}.a`, 100)])
    await until(() => sequences.length === 6)
    expect(sequences).toEqual([1, 2, 3, 4, 5, 6])
  })

  it.each(['deleted', 'made anew'])('ends with an error when the stream is %s', async (what) => {
    const stream = await filled(`ends_${what.length}`, 5)
    const ended = Promise.withResolvers<MeshError | undefined>()
    let count = 0
    await using _reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      onMessage: () => count++,
      onEnd: ended.resolve,
    })
    await until(() => count === 5)
    await region.ask(`STREAM.DELETE.${stream}`)
    if (what === 'made anew') await region.makeStream(stream)
    expect((await ended.promise)?.code).toBe(what === 'deleted' ? 'not_found' : 'failed_precondition')
  })

  it('ends with the error that onMessage throws, and once', async () => {
    const stream = await filled('throws', 5)
    const ends: (MeshError | undefined)[] = []
    let count = 0
    const reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      onMessage: () => {
        count++
        throw new Error('no more')
      },
      onEnd: (error) => ends.push(error),
    })
    await until(() => ends.length > 0)
    await reader.close()
    expect(count).toBe(1)
    expect(ends.map((error) => error?.code)).toEqual(['internal'])
  })

  it('leaves no consumer behind', async () => {
    const stream = await filled('tidy', 5)
    const caughtUp = Promise.withResolvers<void>()
    const reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      onMessage: () => undefined,
      onCaughtUp: caughtUp.resolve,
    })
    await caughtUp.promise
    await reader.close()
    const { consumers } = await region.ask<{ readonly consumers?: readonly string[] }>(`CONSUMER.NAMES.${stream}`)
    expect(consumers ?? []).toEqual([])
  })
})
