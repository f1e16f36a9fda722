import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { encodeEvent, PublishFailure } from '../index.ts'
import { connectTo } from '../testing/connect.ts'
import { TestGateway } from '../testing/test-gateway.ts'

const TOPIC = 'acme/orders'
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index))
const event = (id: string) => ({ type: 'test', id })

test('stores what is sent, in order, and tells where', async () => {
  await using east = await TestGateway.start('east')
  await using mesh = await connectTo([east])
  await using stream = mesh.publishStream(TOPIC)
  const sent = []
  for (const id of numbers(100)) sent.push(await stream.send(event(id)))
  const receipt = await sent.at(-1)?.acknowledged
  expect(receipt).toEqual({ region: 'east', lastSequence: 100, duplicates: [], regions: ['east'], degraded: false })
  expect(east.stored).toEqual(numbers(100))
  expect(stream.pendingEvents).toBe(0)
})

test('many events of one send are split, and small sends go together', async () => {
  await using east = await TestGateway.start('east')
  await using mesh = await connectTo([east])
  await using stream = mesh.publishStream(TOPIC)
  const encoded = numbers(2_300).map((id) => encodeEvent(event(id), '/test'))
  const { acknowledged } = await stream.sendEncoded(encoded)
  await acknowledged
  await stream.flush()
  expect(east.stored).toEqual(numbers(2_300))
  expect(Math.max(...east.batches.map(({ events }) => events.length))).toBeLessThanOrEqual(1_000)
})

test('a stream that is cut: the next region gets what was not acknowledged, in order, before the rest', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  let batches = 0
  east.beforeBatch = () => ++batches <= 2
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC)
  const encoded = (from: number) =>
    numbers(from + 400)
      .slice(from)
      .map((id) => encodeEvent(event(id), '/test'))
  for (let from = 0; from < 2_000; from += 400) await stream.sendEncoded(encoded(from))
  await expect.poll(() => east.batches.length).toBe(5)
  east.stop()
  await stream.sendEncoded(encoded(2_000))
  await stream.flush()
  expect([...new Set([...east.stored, ...west.stored])]).toEqual(numbers(2_400))
  expect(west.stored).toEqual(numbers(2_400).slice(east.stored.length))
  expect(west.batches[0]?.retry).toMatchObject({ region: 'east', elsewhere: false })
  await stream.send(event('fresh'))
  await stream.flush()
  expect(west.batches.at(-1)?.retry).toBeUndefined()
})

test('acknowledgements that do not come make it go elsewhere', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  east.beforeBatch = () => false
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC, { ackTimeoutMs: 200 })
  const { acknowledged } = await stream.send(event('a'))
  expect((await acknowledged).region).toBe('west')
})

test('an event that is finished at home after home and another region lost it kept its id, and said where it had been', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  let losses = 1
  east.beforeBatch = () => losses-- <= 0
  // Dies with the event in hand: from now on only home can finish it.
  west.beforeBatch = () => {
    west.stop()
    return false
  }
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC, { ackTimeoutMs: 200 })
  const { acknowledged } = await stream.send({ type: 'test' })
  expect((await acknowledged).region).toBe('east')
  const [id] = east.stored
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  expect(east.stored).toEqual([id])
  const attempts = [...east.batches, ...west.batches]
  expect(attempts.flatMap(({ events }) => events.map((event) => event.id))).toEqual([id, id, id])
  expect(east.batches.map(({ retry }) => retry)).toEqual([
    undefined,
    expect.objectContaining({ region: 'east', elsewhere: true }),
  ])
  expect(west.batches[0]?.retry).toMatchObject({ region: 'east', elsewhere: false })
})

test('an event that fails for now is sent again before everything behind it', async () => {
  await using east = await TestGateway.start('east')
  let failures = 1
  east.fate = ({ id }) => {
    if (id === '1' && failures-- > 0)
      return new MeshError('unavailable', 'store: away', { retryAfterMs: 10, ambiguous: true })
    return 'store'
  }
  await using mesh = await connectTo([east])
  await using stream = mesh.publishStream(TOPIC)
  const first = await stream.send(['0', '1'].map(event))
  await expect.poll(() => east.stored).toContain('0')
  await stream.send(event('2'))
  await stream.flush()
  expect(east.stored).toEqual(['0', '1', '2'])
  expect(await first.acknowledged).toMatchObject({ region: 'east' })
  expect(east.batches[1]?.retry).toMatchObject({ region: 'east', elsewhere: false })
})

// The story: with another region away, the gateway held each batch of a quorum topic for 3 s. The first failed, and the
// stream waited for those behind it, up to 3 s more, before it went to a region that could take them all.
test('after a failure it does not wait for answers that do not come, and sends all again in order', {
  timeout: 20_000,
}, async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  const [both, never] = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()]
  east.beforeBatch = ({ events }) => (events[0]?.id === '0' ? both.promise : never.promise)
  east.fate = () => new MeshError('unavailable', 'publish: no other region has it in time', { ambiguous: true })
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC, { ackTimeoutMs: 60_000, timeoutMs: 60_000 })
  for (const [place, id] of numbers(3).entries()) {
    await stream.send(event(id))
    await expect.poll(() => east.batches.length, { timeout: 4_000 }).toBe(place + 1)
  }
  both.resolve(true)
  await stream.flush()
  expect(west.stored).toEqual(numbers(3))
  const again = { region: 'east', elsewhere: false }
  expect(west.batches.map(({ retry }) => retry)).toEqual(numbers(3).map(() => expect.objectContaining(again)))
})

test('a refused event fails its own send only, and flush tells', async () => {
  await using east = await TestGateway.start('east')
  east.fate = ({ id }) => (id === 'bad' ? new MeshError('invalid_argument', 'event: too large') : 'store')
  await using mesh = await connectTo([east])
  await using stream = mesh.publishStream(TOPIC)
  const good = await stream.send(event('good'))
  const bad = await stream.send(['fine', 'bad'].map(event))
  await good.acknowledged
  const error = await bad.acknowledged.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(PublishFailure)
  expect((error as PublishFailure).outcomes.map(({ error }) => error?.code)).toEqual([undefined, 'invalid_argument'])
  await expect(stream.flush()).rejects.toBe(error)
  await stream.flush()
})

test('a full queue makes the sender wait, in turn, until the signal ends it', async () => {
  await using east = await TestGateway.start('east')
  const gate = Promise.withResolvers<boolean>()
  east.beforeBatch = () => gate.promise
  await using mesh = await connectTo([east])
  await using stream = mesh.publishStream(TOPIC, { queueEvents: 2 })
  await stream.send(['a', 'b'].map(event))
  const abort = new AbortController()
  const impatient = stream.send(event('c'), { signal: abort.signal })
  const patient = stream.send(event('d'))
  abort.abort()
  await expect(impatient).rejects.toMatchObject({ code: 'cancelled' })
  expect(stream.pendingEvents).toBe(2)
  gate.resolve(true)
  await patient
  await stream.flush()
  expect(east.stored).toEqual(['a', 'b', 'd'])
})

test('an event is given up when its time is over', async () => {
  await using east = await TestGateway.start('east')
  east.beforeBatch = () => false
  await using mesh = await connectTo([east])
  await using stream = mesh.publishStream(TOPIC, { timeoutMs: 200 })
  const { acknowledged } = await stream.send(event('a'))
  await expect(acknowledged).rejects.toMatchObject({ code: 'deadline_exceeded', ambiguous: true })
  await expect(stream.close()).rejects.toBeInstanceOf(PublishFailure)
  await stream.close()
  await expect(stream.send(event('b'))).rejects.toThrow('the stream is closed')
})

test('goes back home, and each event is stored once', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC)
  const sent: string[] = []
  const regionOf = async () => {
    const id = `${sent.length}`
    sent.push(id)
    return (await (await stream.send(event(id))).acknowledged).region
  }
  expect(await regionOf()).toBe('east')
  east.stop()
  expect(await regionOf()).toBe('west')
  await east.start()
  await expect.poll(regionOf, { timeout: 8_000 }).toBe('east')
  expect([...east.stored, ...west.stored].sort((a, b) => Number(a) - Number(b))).toEqual(sent)
})

test('what a region refuses that stands in for home is sent again, home too, until its time is over', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  west.fate = () => new MeshError('not_found', 'topic: is not known here')
  east.stop()
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC, { timeoutMs: 4_000 })
  const { acknowledged } = await stream.send(event('a'))
  await expect.poll(() => west.batches.length).toBeGreaterThan(1)
  await east.start()
  expect((await acknowledged).region).toBe('east')
  await using short = mesh.publishStream(TOPIC, { timeoutMs: 500 })
  east.stop()
  const refused = (await short.send(event('b'))).acknowledged
  await expect(refused).rejects.toMatchObject({ code: 'not_found' })
  await expect(short.flush()).rejects.toThrow('topic: is not known here')
})

test('with one batch in flight, none overtakes an event that fails for now', async () => {
  await using east = await TestGateway.start('east')
  let failures = 1
  east.fate = ({ id }) =>
    id === '0' && failures-- > 0 ? new MeshError('unavailable', 'store: away', { retryAfterMs: 10 }) : 'store'
  await using mesh = await connectTo([east])
  const send = async (maxBatchesInFlight: number) => {
    const gate = Promise.withResolvers<boolean>()
    east.beforeBatch = () => gate.promise
    await using stream = mesh.publishStream(TOPIC, { maxBatchesInFlight })
    const before = east.batches.length
    for (const [place, id] of numbers(3).entries()) {
      await stream.send(event(id))
      await expect.poll(() => east.batches.length - before).toBe(Math.min(place + 1, maxBatchesInFlight))
    }
    gate.resolve(true)
    await stream.flush()
    return east.stored.splice(0)
  }
  expect(await send(1)).toEqual(['0', '1', '2'])
  failures = 1
  expect(await send(16)).toEqual(['1', '2', '0'])
  expect(() => mesh.publishStream(TOPIC, { maxBatchesInFlight: 17 })).toThrow('wanted 1 to 16')
})

test('a clock that is an hour off costs one more round trip, and nothing else', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  east.now = () => Date.now() + 3_600_000
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC)
  for (const id of numbers(3)) await stream.send(event(id))
  await stream.flush()
  expect(east.stored).toEqual(numbers(3))
  expect(west.batches).toEqual([])
  expect(east.late).toBe(1)
  expect(east.batches.map(({ retry }) => retry)).toEqual([undefined, undefined])
})

test('a gateway whose time makes no sense is not asked again and again', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  let now = Date.now()
  east.now = () => {
    now += 60_000
    return now
  }
  await using mesh = await connectTo([east, west])
  await using stream = mesh.publishStream(TOPIC)
  const { acknowledged } = await stream.send(event('a'))
  expect((await acknowledged).region).toBe('west')
  expect(east.late).toBeLessThanOrEqual(3)
})

test('a receipt names the regions that hold all events of a send, and says when any is degraded', async () => {
  await using gateway = await TestGateway.start('east')
  await using mesh = await connectTo([gateway])
  await using stream = mesh.publishStream(TOPIC)
  const send = async () => await (await stream.send({ type: 'x' })).acknowledged
  expect(await send()).toMatchObject({ region: 'east', regions: ['east'], degraded: false })
  gateway.receipt = { region: 'west', regions: ['west', 'south'] }
  expect(await send()).toMatchObject({ region: 'west', regions: ['west', 'south'], degraded: false })
  gateway.receipt = { degraded: true }
  expect(await send()).toMatchObject({ region: 'east', regions: ['east'], degraded: true })
})
