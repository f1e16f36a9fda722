import { controlSubject, type MeshError } from '@landbridge/core'
import { BatchWriter, streamStatus } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { RelayLog } from '../../gateway/replicate/serve/relay-log.ts'
import { RelayReader } from '../../gateway/replicate/serve/relay-reader.ts'
import { SleepingReader, type SleepingReaderOptions } from '../../gateway/replicate/serve/sleeping-reader.ts'
import { numbered, startRegion, textOf, until } from '../nats/fixtures.ts'
import { ServedRegion, TOPIC, TOPIC_KEY } from './served-region.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} } as unknown as SleepingReaderOptions['log']

/** A reader of one origin's records that sleeps at once, and the sequences that it has read. */
function startReader(options: Pick<SleepingReaderOptions, 'session' | 'stream'> & Partial<SleepingReaderOptions>) {
  const read: number[] = []
  const reader = new SleepingReader({
    created: undefined,
    filter: 'lb.acme.orders.a.>',
    from: 1,
    windowBytes: 1024,
    onMessage: ({ sequence }) => read.push(sequence),
    onEnd: () => undefined,
    log,
    idleMs: 0,
    dozeMs: 0,
    ...options,
  })
  return { reader, read, [Symbol.asyncDispose]: async () => reader.close() }
}

// A reader fell asleep between the publishing of a batch and its storing, and what was published before the server knew of
// the subscription woke nobody.
for (const nodes of [1, 3] as const) {
  test(`a reader that sleeps costs no consumer and misses nothing, with ${nodes} server(s)`, async () => {
    await using region = await startRegion({ nodes })
    const { session } = region
    const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
    await using writer = new BatchWriter({ session, stream })
    const filter = 'lb.acme.orders.a.>'
    const read: number[] = []
    const reader = new SleepingReader({
      session,
      stream,
      created: undefined,
      filter,
      from: 1,
      windowBytes: 1024 * 1024,
      onMessage: (message) => read.push(Number(textOf(message))),
      onEnd: (error) => read.push(error === undefined ? -1 : -2),
      log,
      idleMs: 0,
      dozeMs: 200,
    })
    await using _ = { [Symbol.asyncDispose]: async () => reader.close() }
    let stored = 0
    const store = async (count: number, region = 'a') => {
      await writer.store(Array.from({ length: count }, () => numbered(`lb.acme.orders.${region}.0`, stored++)))
    }
    const consumers = async () => {
      const info = await region.ask<{ state: { consumer_count: number } }>(`STREAM.INFO.${stream}`)
      return info.state.consumer_count
    }
    const sleep = async () => {
      await until(() => {
        reader.rest()
        return reader.asleep
      })
      await until(async () => (await consumers()) === 0)
    }

    await store(1)
    await until(() => read.length === 1)
    expect(await consumers()).toBe(1)
    for (let round = 0; round < 5; round += 1) {
      await sleep()
      // Another origin's records wake nobody.
      await store(10, 'b')
      expect(reader.asleep).toBe(true)
      // One event, or a batch of which only the first one is heard.
      const before = read.length
      const count = round % 2 === 0 ? 1 : 50
      await store(count)
      await until(() => read.length === before + count)
    }
    // Falling asleep again and again while events come.
    for (let round = 0; round < 20; round += 1) {
      const before = read.length
      const storing = store(5)
      for (let time = 0; time < 20 && !reader.asleep; time += 1) {
        reader.rest()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await storing
      await until(() => read.length === before + 5)
    }
    expect(read).toEqual(read.toSorted((a, b) => a - b))
  })
}

test('a paused reader sleeps and wakes paused', async () => {
  await using region = await startRegion()
  const { session } = region
  const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  await using writer = new BatchWriter({ session, stream })
  await using started = startReader({ session, stream })
  const { reader, read } = started
  reader.rest()
  reader.rest()
  expect(reader.asleep).toBe(true)
  reader.pause()
  await writer.store([numbered('lb.acme.orders.a.0', 1)])
  await until(() => !reader.asleep)
  expect(reader.paused).toBe(true)
  expect(read).toEqual([])
  reader.resume()
  await until(() => read.length === 1)
})

// Asleep it kept no more than where it was: of a stream that was made anew meanwhile, and was longer by the time it woke, it
// read on in the middle, and nobody ever got what came before.
test('a reader does not wake in a stream that was made anew', async () => {
  await using region = await startRegion()
  const { session } = region
  const make = () => region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  const stream = await make()
  const store = async (count: number) => {
    await using writer = new BatchWriter({ session, stream })
    await writer.store(Array.from({ length: count }, (_, index) => numbered('lb.acme.orders.a.0', index)))
  }
  let ended: MeshError | undefined
  const created = (await streamStatus(session, stream))?.created
  const onEnd = (error: MeshError | undefined) => {
    ended = error
  }
  await using started = startReader({ session, stream, created, onEnd })
  const { reader, read } = started
  await store(2)
  await until(() => read.length === 2)
  reader.rest()
  reader.rest()
  expect(reader.asleep).toBe(true)
  await region.ask(`STREAM.DELETE.${stream}`)
  await make()
  await store(5)
  await until(() => ended !== undefined)
  expect(ended?.message).toMatch(/was made anew/)
  expect(read).toEqual([1, 2])
})

test('a reader listens only after a while without a record', async () => {
  await using region = await startRegion()
  const { session } = region
  const stream = await region.makeStream('lb_acme_orders', { subjects: ['lb.acme.orders.>'] })
  await using writer = new BatchWriter({ session, stream })
  await using started = startReader({ session, stream, idleMs: 500 })
  const { reader, read } = started
  await writer.store([numbered('lb.acme.orders.a.0', 1)])
  await until(() => read.length === 1)
  const readAtMs = performance.now()
  await until(() => {
    reader.rest()
    return reader.asleep
  })
  // A little less, for it was read before this test saw it.
  expect(performance.now() - readAtMs).toBeGreaterThan(300)
})

test('a reader of a relay has nothing pending while it sleeps, and is woken by events and control records', async () => {
  await using origin = await ServedRegion.start('us-east', ['eu-west'])
  await using relay = await ServedRegion.start('eu-west', ['us-east'])
  const { session, checkpoints, registry } = relay.context
  const topic = registry.get(TOPIC_KEY)
  if (topic === undefined) throw new Error('no topic')
  const records = new RelayLog(session, checkpoints, topic, 'us-east')
  const taken: (number | string)[] = []
  const reader: RelayReader = new RelayReader({
    session,
    log,
    records,
    created: undefined,
    after: 0,
    onChange: () => {
      for (const { position, control } of reader.take()) taken.push(control ?? position.sequence)
    },
    idleMs: 0,
    dozeMs: 0,
  })
  await using _ = { [Symbol.asyncDispose]: async () => reader.close() }
  const sleep = async () => {
    await until(async () => {
      reader.rest((await records.end()).last)
      return reader.asleep
    })
    expect(reader.pending).toBe(0)
  }
  const events = await origin.publish(4)
  await relay.apply('us-east', events.slice(0, 2))
  await until(() => taken.length === 2)
  await sleep()
  // Another origin's records wake nobody.
  await relay.publish(3)
  expect(reader.asleep).toBe(true)
  await relay.apply('us-east', events.slice(2))
  await until(() => taken.length === 4)
  await sleep()
  const common = events[3]?.position
  if (common === undefined) throw new Error('no event')
  await relay.control(controlSubject(TOPIC, 'us-east'), { kind: 'branch', common, behind: 9 })
  await until(() => taken.length === 5)
  expect(taken).toEqual([1, 2, 3, 4, 'branch'])
  await sleep()
  // Whoever sees more in the stream than the reader has read wakes it; and it finds out what there is.
  reader.rest((await records.end()).last + 1)
  expect(reader.asleep).toBe(false)
  expect(reader.pending).toBe(1)
  await until(() => reader.pending === 0)
})
