import { BatchWriter } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { OwnReader, type OwnReaderOptions } from '../../gateway/replicate/serve/own-reader.ts'
import { numbered, startRegion, textOf, until } from '../nats/fixtures.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} } as unknown as OwnReaderOptions['log']

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
    const reader = new OwnReader({
      session,
      stream,
      filter,
      from: 1,
      windowBytes: 1024 * 1024,
      onMessage: (message) => read.push(Number(textOf(message))),
      onEnd: (error) => read.push(error === undefined ? -1 : -2),
      log,
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
  const read: number[] = []
  const onMessage: OwnReaderOptions['onMessage'] = (message) => read.push(message.sequence)
  const options = {
    session,
    stream,
    filter: 'lb.acme.orders.a.>',
    from: 1,
    windowBytes: 1024,
    onMessage,
    log,
    dozeMs: 0,
  }
  const reader = new OwnReader({ ...options, onEnd: () => undefined })
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
  reader.close()
})
