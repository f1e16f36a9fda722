import { MeshError } from '@landbridge/core'
import { expect, test } from 'vitest'
import { PublishFailure } from '../index.ts'
import { connectTo } from '../testing/connect.ts'
import { TestGateway } from '../testing/test-gateway.ts'

const TOPIC = 'acme/orders'

const events = (...ids: string[]) => ids.map((id) => ({ type: 'test', id }))
const forever = () => new Promise<never>(() => {})

test('gives a receipt an event, in order', async () => {
  await using east = await TestGateway.start('east')
  await using mesh = await connectTo([east])
  const receipts = await mesh.publish(TOPIC, events('a', 'b'))
  expect(receipts).toEqual([
    { region: 'east', sequence: 1, duplicate: false, regions: ['east'], degraded: false },
    { region: 'east', sequence: 2, duplicate: false, regions: ['east'], degraded: false },
  ])
  expect(east.publishes[0]?.retry).toBeUndefined()
})

test('an answer that does not come: the next region gets the same id and hears of the attempt', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  east.beforePublish = forever
  await using mesh = await connectTo([east, west])
  const [receipt] = await mesh.publish(TOPIC, { type: 'test' })
  expect(receipt?.region).toBe('west')
  const id = east.publishes[0]?.events[0]?.id
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  expect(west.stored).toEqual([id])
  const retry = west.publishes[0]?.retry
  expect(retry).toMatchObject({ region: 'east', elsewhere: false })
  expect(Number(retry?.age?.nanos)).toBeGreaterThanOrEqual(290_000_000)
})

test('once an attempt went elsewhere, every later one says so', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  let losses = 3
  const lose = () => {
    if (losses-- > 0) throw new MeshError('internal', 'the answer is lost')
  }
  east.afterStore = lose
  west.afterStore = lose
  await using mesh = await connectTo([east, west])
  await mesh.publish(TOPIC, { type: 'test', id: 'x' })
  const told = [...east.publishes, ...west.publishes].flatMap(({ retry }) => (retry === undefined ? [] : [retry]))
  expect(told.map(({ region }) => region)).toEqual(['east', 'east', 'east'])
  expect(told.filter(({ elsewhere }) => elsewhere)).toHaveLength(2)
})

test('an event that is finished at home after home and another region lost it kept its id, and said where it had been', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  let losses = 1
  east.afterStore = () => {
    if (losses-- > 0) throw new MeshError('internal', 'the answer is lost')
  }
  // Dies with the event in hand: from now on only home can finish it.
  west.afterStore = () => west.stop()
  await using mesh = await connectTo([east, west])
  const [receipt] = await mesh.publish(TOPIC, { type: 'test' })
  expect(receipt).toMatchObject({ region: 'east', sequence: 1, duplicate: true })
  const id = east.stored[0]
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  const attempts = [...east.publishes, ...west.publishes]
  expect(attempts.flatMap(({ events }) => events.map((event) => event.id))).toEqual([id, id, id])
  expect([east.stored, west.stored]).toEqual([[id], [id]])
  expect(east.publishes.map(({ retry }) => retry)).toEqual([
    undefined,
    expect.objectContaining({ region: 'east', elsewhere: true }),
  ])
  expect(west.publishes[0]?.retry).toMatchObject({ region: 'east', elsewhere: false })
})

test('a region that refuses connections was never tried', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  east.stop()
  await using mesh = await connectTo([east, west])
  await mesh.publish(TOPIC, events('a'))
  expect(west.publishes[0]?.retry).toBeUndefined()
})

test('events that failed are sent again alone and in order', async () => {
  await using east = await TestGateway.start('east')
  let failures = 2
  east.fate = ({ id }) => {
    if ((id === 'b' || id === 'c') && failures-- > 0)
      return new MeshError('unavailable', 'store: away', { ambiguous: true })
    return 'store'
  }
  await using mesh = await connectTo([east])
  const receipts = await mesh.publish(TOPIC, events('a', 'b', 'c', 'd'))
  expect(receipts).toHaveLength(4)
  expect(east.stored).toEqual(['a', 'd', 'b', 'c'])
  expect(east.publishes[1]?.events.map(({ id }) => id)).toEqual(['b', 'c'])
  expect(east.publishes[1]?.retry).toMatchObject({ region: 'east', elsewhere: false })
})

test('what is refused is told event by event, and not tried again', async () => {
  await using east = await TestGateway.start('east')
  east.fate = ({ id }) => (id === 'b' ? new MeshError('invalid_argument', 'event: too large') : 'store')
  await using mesh = await connectTo([east])
  const error = await mesh.publish(TOPIC, events('a', 'b')).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(PublishFailure)
  expect(error).toMatchObject({ code: 'invalid_argument', ambiguous: false })
  expect((error as PublishFailure).outcomes.map(({ error }) => error?.code)).toEqual([undefined, 'invalid_argument'])
  expect(east.publishes).toHaveLength(1)
})

test('an overloaded home region gets the time it asks for', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  let refusals = 2
  east.beforePublish = () => {
    if (refusals-- > 0) throw new MeshError('resource_exhausted', 'publish: overload', { retryAfterMs: 20 })
  }
  await using mesh = await connectTo([east, west])
  const [receipt] = await mesh.publish(TOPIC, events('a'))
  expect(receipt?.region).toBe('east')
  expect(west.publishes).toHaveLength(0)
})

test('goes back home once home works again, and each event is stored once', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  await using mesh = await connectTo([east, west])
  const sent: string[] = []
  const publish = async () => {
    const id = `${sent.length}`
    sent.push(id)
    return (await mesh.publish(TOPIC, { type: 'test', id }))[0]?.region
  }
  expect(await publish()).toBe('east')
  east.stop()
  expect(await publish()).toBe('west')
  await east.start()
  await expect.poll(publish, { timeout: 8_000 }).toBe('east')
  expect([...east.stored, ...west.stored].sort((a, b) => Number(a) - Number(b))).toEqual(sent)
})

test('the end of its time and its signal end a publish, and say that it may have been stored', async () => {
  await using east = await TestGateway.start('east')
  east.beforePublish = forever
  await using mesh = await connectTo([east])
  await expect(mesh.publish(TOPIC, events('a'), { timeoutMs: 200 })).rejects.toMatchObject({
    code: 'deadline_exceeded',
    ambiguous: true,
  })
  const abort = new AbortController()
  const publishing = mesh.publish(TOPIC, events('b'), { signal: abort.signal })
  await expect.poll(() => east.publishes.some(({ events }) => events[0]?.id === 'b')).toBe(true)
  abort.abort()
  await expect(publishing).rejects.toMatchObject({ code: 'cancelled', ambiguous: true })
})

test('closing ends what is under way, and is idempotent', async () => {
  await using east = await TestGateway.start('east')
  east.beforePublish = forever
  const mesh = await connectTo([east])
  const publishing = mesh.publish(TOPIC, events('a'))
  await expect.poll(() => east.publishes.length).toBe(1)
  const ended = expect(publishing).rejects.toMatchObject({ code: 'cancelled' })
  await Promise.all([mesh.close(), mesh.close()])
  await ended
  await expect(mesh.publish(TOPIC, events('b'))).rejects.toThrow('the client is closed')
})

test('a token that was refused is asked for again, once', async () => {
  await using east = await TestGateway.start('east')
  const asked: boolean[] = []
  const token = ({ refresh }: { readonly refresh: boolean }) => {
    asked.push(refresh)
    return `token-${asked.length}`
  }
  east.beforePublish = (_request, sent) => {
    if (sent !== 'Bearer token-2') throw new MeshError('unauthenticated', 'token: was revoked')
  }
  await using mesh = await connectTo([east], { token })
  await mesh.publish(TOPIC, events('a'))
  expect(asked).toEqual([false, true])
  east.beforePublish = () => {
    throw new MeshError('unauthenticated', 'token: was revoked')
  }
  await expect(mesh.publish(TOPIC, events('b'))).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('a wrong event is an error before anything is sent', async () => {
  await using east = await TestGateway.start('east')
  await using mesh = await connectTo([east])
  await expect(mesh.publish(TOPIC, [{ type: 'a' }, { type: '' }])).rejects.toMatchObject({ code: 'invalid_argument' })
  await expect(mesh.publish('orders', { type: 'a' })).rejects.toThrow('wanted "<tenant>/<topic>"')
  await expect(mesh.publish(TOPIC, { type: 'a', extensions: { lborigin: 'x' } })).rejects.toThrow('reserved')
  await expect(mesh.publish(TOPIC, { type: 'a', data: () => 1 })).rejects.toThrow('wanted text, bytes or JSON')
  expect(east.publishes).toHaveLength(0)
})

test('a receipt does not say where an attempt went: the region is the one that was known when it began', async () => {
  await using gateway = await TestGateway.start('west')
  let loss = false
  gateway.afterStore = () => {
    if (loss) {
      loss = false
      throw new MeshError('internal', 'the answer is lost')
    }
  }
  const told = async (endpoint: string) => {
    await using mesh = await connectTo([], { endpoints: [endpoint] })
    expect((await mesh.publish(TOPIC, { type: 'test' }))[0]?.region).toBe('west')
    loss = true
    await mesh.publish(TOPIC, { type: 'test' })
    return gateway.publishes.at(-1)?.retry
  }
  // As behind a gateway that forwards: the home region is another than the one that stored the event.
  expect(await told(`east=${gateway.endpoint}`)).toMatchObject({ region: 'east', elsewhere: false })
  expect(await told(gateway.endpoint)).toMatchObject({ region: '', elsewhere: false })
})

test('a call that was turned away as a whole tried nothing', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  east.beforePublish = () => {
    throw new MeshError('unavailable', 'gateway: is draining', { retryAfterMs: 100 })
  }
  await using mesh = await connectTo([east, west])
  await mesh.publish(TOPIC, events('a'))
  expect(west.publishes[0]?.retry).toBeUndefined()
  west.stop()
  await expect(mesh.publish(TOPIC, events('b'), { timeoutMs: 300 })).rejects.toMatchObject({ ambiguous: false })
})

test('what a region refuses that stands in for home is not final: home may know better', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  west.beforePublish = () => {
    throw new MeshError('not_found', 'topic: is not known here')
  }
  east.stop()
  await using mesh = await connectTo([east, west])
  const publishing = mesh.publish(TOPIC, events('a'))
  await expect.poll(() => west.publishes.length).toBeGreaterThan(1)
  await east.start()
  expect((await publishing)[0]?.region).toBe('east')
  east.stop()
  const refused = mesh.publish(TOPIC, events('b'), { timeoutMs: 500 })
  await expect(refused).rejects.toMatchObject({ code: 'not_found', ambiguous: false })
  await expect(refused).rejects.toThrow('topic: is not known here')
})

test('a malformed request is refused by any region', async () => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  west.beforePublish = () => {
    throw new MeshError('invalid_argument', 'publish: is malformed')
  }
  east.stop()
  await using mesh = await connectTo([east, west])
  await expect(mesh.publish(TOPIC, events('a'))).rejects.toMatchObject({ code: 'invalid_argument' })
  expect(west.publishes).toHaveLength(1)
})

test.each([
  ['ahead', -3_600_000],
  ['behind', 3_600_000],
])('a clock that is an hour %s costs one more round trip, and nothing else', async (_what, aheadMs) => {
  await using east = await TestGateway.start('east')
  await using west = await TestGateway.start('west')
  east.now = () => Date.now() + aheadMs
  await using mesh = await connectTo([east, west])
  for (const id of ['a', 'b']) expect((await mesh.publish(TOPIC, events(id)))[0]?.region).toBe('east')
  expect(east.late).toBe(1)
  expect(east.publishes.map(({ events, retry }) => [events[0]?.id, retry])).toEqual([
    ['a', undefined],
    ['a', undefined],
    ['b', undefined],
  ])
  const sent = east.publishes.at(-1)?.sentTime
  expect(Math.abs(Number(sent?.seconds) * 1_000 - east.now())).toBeLessThan(5_000)
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
  expect((await mesh.publish(TOPIC, events('a')))[0]?.region).toBe('west')
  expect(east.late).toBe(2)
})
