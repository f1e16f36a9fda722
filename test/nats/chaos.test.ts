import { BatchWriter, NatsSession, type StoreRequest, StreamReader } from '@landbridge/nats'
import { describe, expect, it } from 'vitest'
import { type NatsRegion, numbered, readAll, startRegion, textOf, until } from './fixtures.ts'

const CALLERS = 8

/**
 * Callers that send numbered events, each on a subject of its own, and send again with the same id what failed: what
 * a publisher does. `acknowledged` holds, per caller, the numbers in the order of their acknowledgement.
 */
class Load {
  readonly acknowledged: number[][] = Array.from({ length: CALLERS }, () => [])
  /** What failed at least once, and so may have been overtaken by what was sent with it. */
  readonly failed = new Set<number>()
  definite = 0
  ambiguous = 0
  #stopped = false
  readonly #done: Promise<unknown>

  constructor(writer: BatchWriter, stream: string) {
    this.#done = Promise.all(
      this.acknowledged.map((list, caller) => this.#call(writer, `${stream}.${caller}`, caller, list)),
    )
  }

  get count(): number {
    return this.acknowledged.reduce((sum, list) => sum + list.length, 0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #call(writer: BatchWriter, subject: string, caller: number, acknowledged: number[]): Promise<void> {
    let next = 0
    let batch: StoreRequest[] = []
    while (!this.#stopped || batch.length > 0) {
      while (batch.length < 20 && !this.#stopped) batch.push(numbered(subject, caller * 1e9 + next++))
      const results = await writer.store(batch)
      const again: StoreRequest[] = []
      for (const [index, result] of results.entries()) {
        const request = batch[index]
        if (request === undefined) continue
        if (result.kind !== 'failed') acknowledged.push(Number(new TextDecoder().decode(request.payload)))
        else {
          if (result.error.ambiguous) this.ambiguous++
          else this.definite++
          this.failed.add(Number(new TextDecoder().decode(request.payload)))
          again.push(request)
        }
      }
      batch = again
      if (again.length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Every acknowledged event is there once, and each caller's lie in the order of its calls, those that failed aside. */
async function expectExactlyOnce(session: NatsSession, stream: string, load: Load): Promise<void> {
  const stored = (await readAll(session, stream)).map((message) => Number(textOf(message)))
  expect(new Set(stored).size).toBe(stored.length)
  const there = new Set(stored)
  const lost = load.acknowledged.flat().filter((number) => !there.has(number))
  expect(lost).toEqual([])
  const kept = stored.filter((number) => !load.failed.has(number))
  for (let caller = 0; caller < CALLERS; caller++) {
    const own = kept.filter((number) => Math.floor(number / 1e9) === caller)
    expect(own).toEqual(own.toSorted((a, b) => a - b))
  }
}

async function leaderOf(region: NatsRegion, stream: string): Promise<number> {
  const info = await region.ask<{ readonly cluster: { readonly leader: string } }>(`STREAM.INFO.${stream}`)
  return Number.parseInt(info.cluster.leader.slice(1), 10)
}

describe('one server', () => {
  it('keeps every acknowledged event through kills, once and in order', { timeout: 90_000 }, async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('kills')
    await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
    const load = new Load(writer, stream)
    for (let round = 0; round < 3; round++) {
      const before = load.count
      await until(() => load.count > before + 5_000)
      await region.servers.kill()
      await until(() => !region.session.connected)
      await region.servers.start()
      await until(() => region.session.connected)
    }
    const before = load.count
    await until(() => load.count > before + 1_000)
    await load.stop()
    expect(load.ambiguous).toBeGreaterThan(0)
    await expectExactlyOnce(region.session, stream, load)
  })

  it('fails as ambiguous what a paused server may still store, and forgets nothing', { timeout: 60_000 }, async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('paused')
    await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic', timeoutMs: 500 })
    await writer.store([numbered(`${stream}.a`, 0)])
    region.servers.pause()
    const lane = {}
    const sent = writer.store(
      Array.from({ length: 100 }, (_, n) => numbered(`${stream}.a`, 1 + n)),
      lane,
    )
    await new Promise((resolve) => setImmediate(resolve))
    const waiting = writer.store([numbered(`${stream}.a`, 101)], lane)
    const results = await sent
    expect(new Set(results.map((result) => result.kind === 'failed' && result.error.ambiguous))).toEqual(
      new Set([true]),
    )
    // This one was never committed: it is certain that it is not stored.
    expect(await waiting).toMatchObject([{ kind: 'failed', error: { ambiguous: false } }])
    expect(writer.pressure.messages).toBe(0)
    region.servers.resume()
    await until(async () => (await writer.store([numbered(`${stream}.a`, 102)]))[0]?.kind !== 'failed')
    const again = await writer.store(Array.from({ length: 100 }, (_, n) => numbered(`${stream}.a`, 1 + n)))
    expect(again.filter(({ kind }) => kind === 'failed')).toEqual([])
    expect(new Set((await readAll(region.session, stream)).map(textOf)).size).toBe(102)
  })

  it('resends nothing of its own after a reconnect', { timeout: 60_000 }, async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('quiet')
    await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic', timeoutMs: 400 })
    await writer.store([numbered(`${stream}.a`, 0)])
    const { epoch } = region.session
    await region.servers.kill()
    await until(() => !region.session.connected)
    const results = await writer.store(Array.from({ length: 30 }, (_, n) => numbered(`${stream}.a`, 1 + n)))
    for (const result of results) expect(result).toMatchObject({ kind: 'failed', error: { ambiguous: false } })
    await region.servers.start()
    await until(() => region.session.connected)
    expect(region.session.epoch).toBe(epoch + 2)
    await writer.store([numbered(`${stream}.a`, 100)])
    expect((await readAll(region.session, stream)).map(textOf)).toEqual(['0', '100'])
  })

  it('reads on at the exact sequence through restarts', { timeout: 90_000 }, async () => {
    await using region = await startRegion()
    const stream = await region.makeStream('resume')
    await using writer = new BatchWriter({ session: region.session, stream, mode: 'atomic' })
    const sequences: number[] = []
    await using reader = new StreamReader({
      session: region.session,
      stream,
      filters: [`${stream}.*`],
      start: 'all',
      windowMessages: 100,
      onMessage: (message) => {
        sequences.push(message.sequence)
        if (message.sequence % 997 === 0) {
          reader.pause()
          setTimeout(() => reader.resume(), 5)
        }
      },
    })
    const load = new Load(writer, stream)
    for (let round = 0; round < 2; round++) {
      const before = sequences.length
      await until(() => sequences.length > before + 3_000)
      await region.servers.kill()
      await until(() => !region.session.connected)
      await region.servers.start()
    }
    await until(() => region.session.connected)
    await load.stop()
    const last = (await readAll(region.session, stream)).length
    await until(() => reader.position === last)
    expect(sequences).toEqual(Array.from({ length: last }, (_, index) => index + 1))
  })
})

describe('three servers', () => {
  it('keeps every acknowledged event through the loss of leaders', { timeout: 180_000 }, async () => {
    await using region = await startRegion({ nodes: 3 })
    const stream = await region.makeStream('leaders')
    const sequences: number[] = []
    await using reader = new StreamReader({
      session: region.session,
      stream,
      filters: [],
      start: 'all',
      onMessage: (message) => sequences.push(message.sequence),
    })
    await using writer = new BatchWriter({ session: region.session, stream })
    const load = new Load(writer, stream)
    for (let round = 0; round < 3; round++) {
      const before = load.count
      await until(() => load.count > before + 5_000)
      const leader = await leaderOf(region, stream)
      await region.servers.kill(leader)
      const without = load.count
      await until(() => load.count > without + 2_000, 60_000)
      await region.servers.start(leader)
    }
    await load.stop()
    await expectExactlyOnce(region.session, stream, load)
    const last = (await readAll(region.session, stream)).length
    await until(() => reader.position === last)
    expect(sequences).toEqual(Array.from({ length: last }, (_, index) => index + 1))
  })

  // A fast batch answers "stored" to a repeat whose first copy only the leader has. Were the leader lost then, so were
  // an acknowledged event.
  it('acknowledges no repeat of an event that no quorum has', { timeout: 60_000 }, async () => {
    await using region = await startRegion({ nodes: 3 })
    const stream = await region.makeStream('stalled')
    const leader = await leaderOf(region, stream)
    const servers = [region.servers.urls[leader] ?? '']
    await using session = await NatsSession.connect({ servers, name: 'beside the leader' })
    await using writer = new BatchWriter({ session, stream, timeoutMs: 800 })
    const followers = [0, 1, 2].filter((index) => index !== leader)
    for (const index of followers) region.servers.pause(index)
    for (const count of [10, 10, 1, 10, 1]) {
      const results = await writer.store(Array.from({ length: count }, (_, n) => numbered(`${stream}.a`, n)))
      for (const result of results) expect(result).toMatchObject({ kind: 'failed', error: { ambiguous: true } })
    }
    for (const index of followers) region.servers.resume(index)
    const requests = Array.from({ length: 10 }, (_, n) => numbered(`${stream}.a`, n))
    await until(async () => (await writer.store(requests)).every(({ kind }) => kind !== 'failed'))
    expect((await readAll(session, stream)).map(textOf)).toEqual(Array.from({ length: 10 }, (_, n) => String(n)))
  })
})
