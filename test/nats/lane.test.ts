import { BatchWriter, type StoreResult } from '@landbridge/nats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, readAll, startRegion, textOf, until } from './fixtures.ts'

// The story: when NATS restarted, the batch in flight failed as ambiguous and what was queued behind it was stored after
// the reconnect. The publisher sent the failed batch again, and the events of one key stood in the wrong order.
describe('a lane of BatchWriter', () => {
  let region: NatsRegion
  beforeAll(async () => {
    region = await startRegion()
  })
  afterAll(() => region[Symbol.asyncDispose]())

  const events = (stream: string, from: number, count: number) =>
    Array.from({ length: count }, (_, n) => numbered(`${stream}.a`, from + n))
  const outcomes = (results: readonly StoreResult[]) => [
    ...new Set(results.map((result) => (result.kind === 'failed' ? `failed ${result.error.ambiguous}` : result.kind))),
  ]

  it('stores nothing behind what failed, and leaves others alone', { timeout: 30_000 }, async () => {
    const stream = await region.makeStream('lane')
    await using writer = new BatchWriter({ session: region.session, stream, timeoutMs: 10_000 })
    await writer.store(events(stream, 0, 1))
    const lane = {}
    region.servers.pause()
    const inFlight = writer.store(events(stream, 1, 100), lane)
    await new Promise((resolve) => setImmediate(resolve))
    // Behind it: staged with others, and queued.
    const behind = [writer.store(events(stream, 1_000, 2_000), lane), writer.store(events(stream, 3_000, 10), lane)]
    const others = writer.store(events(stream, 5_000, 1_500))
    const otherLane = writer.store(events(stream, 7_000, 10), {})
    await new Promise((resolve) => setImmediate(resolve))
    await region.servers.kill()
    expect(outcomes(await inFlight)).toEqual(['failed true'])
    for (const results of behind) expect(outcomes(await results)).toEqual(['failed false'])
    const late = await writer.store(events(stream, 4_000, 1), lane)
    expect(late).toMatchObject([
      { kind: 'failed', error: { code: 'unavailable', ambiguous: false, retryAfterMs: 250 } },
    ])
    await region.servers.start()
    expect(outcomes(await others)).toEqual(['stored'])
    expect(outcomes(await otherLane)).toEqual(['stored'])
    const stored = (await readAll(region.session, stream)).map((message) => Number(textOf(message)))
    expect(stored.filter((number) => number >= 1_000)).toEqual([
      ...Array.from({ length: 1_500 }, (_, n) => 5_000 + n),
      ...Array.from({ length: 10 }, (_, n) => 7_000 + n),
    ])
  })

  it('is broken by what expires before it was sent', { timeout: 30_000 }, async () => {
    const stream = await region.makeStream('lane_expired')
    await using writer = new BatchWriter({ session: region.session, stream, timeoutMs: 200 })
    const lane = {}
    await region.servers.kill()
    await until(() => !region.session.connected)
    expect(outcomes(await writer.store(events(stream, 0, 5), lane))).toEqual(['failed false'])
    await region.servers.start()
    await until(() => region.session.connected)
    expect(outcomes(await writer.store(events(stream, 5, 5), lane))).toEqual(['failed false'])
    await until(async () => outcomes(await writer.store(events(stream, 0, 10), {}))[0] !== 'failed false')
    expect((await readAll(region.session, stream)).map(textOf)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`))
  })

  it('is broken by a full writer, and not by what will never be stored', async () => {
    const stream = await region.makeStream('lane_full', { max_msg_size: 2_000 })
    await using writer = new BatchWriter({ session: region.session, stream, messagesInFlightMax: 100 })
    const lane = {}
    const large = { ...numbered(`${stream}.a`, 0), payload: new Uint8Array(3_000) }
    expect(outcomes(await writer.store([large, ...events(stream, 1, 10)], lane))).toEqual(['failed false', 'stored'])
    const full = writer.store(events(stream, 100, 100))
    expect(await writer.store(events(stream, 11, 1), lane)).toMatchObject([{ error: { code: 'resource_exhausted' } }])
    await full
    expect(await writer.store(events(stream, 12, 1), lane)).toMatchObject([{ error: { code: 'unavailable' } }])
  })
})
