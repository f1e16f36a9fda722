import { controlSubject, type RawRecord, START } from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { type CollectedPull, ServedRegion, TOPIC, TOPIC_KEY } from './served-region.ts'

const positions = (records: readonly RawRecord[]) => records.map(({ position }) => position)

async function expectServed(pull: CollectedPull, records: readonly RawRecord[]): Promise<void> {
  const state = () => [pull.records.length, pull.refused?.message]
  await expect.poll(state, { timeout: 10_000 }).toEqual([records.length, undefined])
  expect(positions(pull.records)).toEqual(positions(records))
  expect(pull.breaks).toEqual([])
  expect(pull.refused).toBeUndefined()
}

const refusalOf = (pull: CollectedPull) => expect.poll(() => pull.refused?.reason, { timeout: 10_000 })

/** An origin and a relay that hold each other's links. */
async function originAndRelay(stack: AsyncDisposableStack) {
  const origin = stack.use(await ServedRegion.start('us-east', ['eu-west', 'ap-south']))
  const relay = stack.use(await ServedRegion.start('eu-west', ['us-east', 'ap-south']))
  relay.link(origin)
  return { origin, relay }
}

test('a relay serves what it holds from any place, and goes on with what comes', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  relay.cut(origin)
  const records = await origin.publish(50)
  await relay.apply('us-east', records.slice(0, 20))
  await relay.publish(7)
  await relay.apply('us-east', records.slice(20, 40))
  const all = relay.peer('ap-south').pull('us-east')
  const some = relay.peer('ap-south').pull('us-east', { position: records[29]?.position ?? START })
  await expectServed(all, records.slice(0, 40))
  await expectServed(some, records.slice(30, 40))
  await relay.apply('us-east', records.slice(40))
  await expectServed(all, records)
  await expectServed(some, records.slice(30))
  expect(all.heads.at(-1)).toMatchObject({ stale: true })
})

test('a hole is read through from the origin, and cannot be told while that is away', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  const records = await origin.publish(30)
  // The relay had copies of the 10th, the 11th and the 20th.
  await relay.apply('us-east', records.slice(0, 9))
  await relay.apply('us-east', records.slice(11, 19))
  await relay.apply('us-east', records.slice(20))
  await expectServed(relay.peer('ap-south').pull('us-east'), records)
  // In the middle of a hole the relay cannot place the receiver; it hands the whole request on.
  const within = relay.peer('ap-south').pull('us-east', { position: records[9]?.position ?? START })
  await expectServed(within, records.slice(10))
  relay.cut(origin)
  const cut = relay.peer('ap-south').pull('us-east')
  await refusalOf(cut).toBe(RefusalReason.CANNOT_TELL)
  expect(positions(cut.records)).toEqual(positions(records.slice(0, 9)))
})

test('four regions: an event that both relays have from each other reaches the last one', async () => {
  // RULES.md 2: X is A:10 and B:7. C has B:7 and skips A:10, A skips B:7. D pulls A's from C and B's from A.
  await using stack = new AsyncDisposableStack()
  const names = ['a', 'b', 'c', 'd']
  const start = async (name: string) =>
    stack.use(
      await ServedRegion.start(
        name,
        names.filter((other) => other !== name),
      ),
    )
  const [a, b, c] = [await start('a'), await start('b'), await start('c')]
  const x = { source: '/client', id: 'x', key: 'k', counter: 1 }
  const before = { a: await a.publish(5), b: await b.publish(3) }
  await a.store([x])
  await b.store([x])
  await a.publish(4)
  await b.publish(4)
  const own = { a: await a.own(), b: await b.own() }
  const without = (records: readonly RawRecord[], index: number) => records.filter((_, at) => at !== index)
  await c.apply('b', own.b)
  await c.apply('a', without(own.a, before.a.length))
  await a.apply('b', without(own.b, before.b.length))
  c.link(a)
  a.link(b)
  const fromC = c.peer('d').pull('a')
  const fromA = a.peer('d').pull('b')
  await expectServed(fromC, own.a)
  await expectServed(fromA, own.b)
  expect(fromC.events).toContain('/client x')
})

test('a line of relays hands a request on to its end, and no further than seven', async () => {
  await using stack = new AsyncDisposableStack()
  const names = ['a', 'b', 'c', 'd']
  const line: ServedRegion[] = []
  for (const name of names) {
    const region = stack.use(await ServedRegion.start(name, [...names.filter((other) => other !== name), 'z']))
    const before = line.at(-1)
    if (before !== undefined) {
      region.link(before)
      region.upstreams.set('a', before.name)
    }
    line.push(region)
  }
  const [a, b, c, d] = line
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('no line')
  const records = await a.publish(20)
  // b holds all but one, c and d hold the beginning and the end.
  await b.apply('a', [...records.slice(0, 7), ...records.slice(8)])
  await c.apply('a', [...records.slice(0, 4), ...records.slice(15)])
  await d.apply('a', [...records.slice(0, 2), ...records.slice(18)])
  await expectServed(d.peer('z').pull('a'), records)
  // Through every region, and through more than may be.
  const path = ['z', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']
  const position = records[5]?.position ?? START
  const long = d.peer('r6').pull('a', { receiver: 'z', path: path.slice(), position })
  await refusalOf(long).toBe(RefusalReason.NOT_ALLOWED)
  const circle = d.peer('c').pull('a', { receiver: 'z', path: ['z', 'd', 'c'], position })
  await refusalOf(circle).toBe(RefusalReason.CANNOT_TELL)
})

test('a relay hands the words of the origin on, and says nothing of its own', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  const records = await origin.publish(10)
  await relay.apply('us-east', records.slice(0, 5))
  const unknown = { sequence: 4, stamp: 4n }
  await refusalOf(relay.peer('ap-south').pull('us-east', { position: unknown })).toBe(RefusalReason.DIVERGED)
  // The receiver is further than the relay: the origin is asked.
  const ahead = relay.peer('ap-south').pull('us-east', { position: records[7]?.position ?? START })
  await expectServed(ahead, records.slice(8))
  await origin.nats.ask('STREAM.PURGE.lb_acme_orders', { seq: 8 })
  const gap = relay.peer('ap-south').pull('us-east', { position: records[4]?.position ?? START })
  await relay.apply('us-east', records.slice(8))
  await refusalOf(gap).toBe(RefusalReason.RETENTION_GAP)
  expect(gap.refused?.first?.sequence).toBe(8n)
  // Who has written the gap down is taken over it.
  const over = relay.peer('ap-south').pull('us-east', { position: records[4]?.position ?? START, skipGap: true })
  await expect.poll(() => over.sequences).toEqual([8, 9, 10])
  expect(over.breaks).toEqual([])
  relay.cut(origin)
  const alone = relay.peer('ap-south').pull('us-east', { position: unknown })
  await refusalOf(alone).toBe(RefusalReason.CANNOT_TELL)
})

test('nothing is served while a divergence is repaired, and never what the origin lost', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  relay.cut(origin)
  const records = await origin.publish(10)
  await relay.apply('us-east', records)
  const served = relay.peer('ap-south').pull('us-east', { position: records[7]?.position ?? START })
  await expectServed(served, records.slice(8))
  const common = records[5]?.position ?? START
  const control = controlSubject(TOPIC, 'us-east')
  await relay.control(control, { kind: 'branch', common, behind: 6 })
  await refusalOf(served).toBe(RefusalReason.CANNOT_TELL)
  await refusalOf(relay.peer('ap-south').pull('us-east')).toBe(RefusalReason.CANNOT_TELL)
  await relay.control(control, { kind: 'open', common, behind: 6 })
  const after: RawRecord[] = []
  let prev = common
  for (const record of records.slice(6)) {
    const position = { sequence: record.position.sequence, stamp: record.position.stamp + 1n }
    const event = (await origin.publish(1))[0]?.event ?? record.event
    after.push({ ...record, position, prev, event })
    prev = position
  }
  await relay.apply('us-east', after)
  await expectServed(relay.peer('ap-south').pull('us-east'), [...records.slice(0, 6), ...after])
  await expectServed(relay.peer('ap-south').pull('us-east', { position: common }), after)
  const dead = relay.peer('ap-south').pull('us-east', { position: records[8]?.position ?? START })
  await refusalOf(dead).toBe(RefusalReason.CANNOT_TELL)
})

test('a match is answered by the origin, through relays too', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  const records = await origin.publish(5)
  await origin.nats.ask('STREAM.PURGE.lb_acme_orders', { seq: 3 })
  const [first, , third] = positions(records)
  if (first === undefined || third === undefined) throw new Error('no records')
  const asked = [third, { ...third, stamp: 5n }, first, { sequence: 99, stamp: 1n }]
  const question = { topic: TOPIC_KEY, origin: 'us-east', positions: asked }
  const expected = ['present', 'absent', 'expired', 'absent']
  expect(await origin.peer('eu-west').match(question)).toEqual(expected)
  expect(await relay.peer('ap-south').match(question)).toEqual(expected)
  relay.cut(origin)
  await expect(relay.peer('ap-south').match(question)).rejects.toThrow(String(RefusalReason.CANNOT_TELL))
})

test('a watcher hears how far other origins are held, at once and as it changes', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  const records = await origin.publish(4)
  await relay.apply('us-east', records.slice(0, 3))
  const peer = relay.peer('ap-south')
  peer.watch('us-east', 'eu-west')
  const sequences = () => peer.holdings.flat().map(({ position }) => Number(position?.sequence))
  await expect.poll(sequences).toEqual([3])
  await relay.publish(2)
  await relay.apply('us-east', records.slice(3))
  await expect.poll(sequences).toEqual([3, 4])
  await relay.control(controlSubject(TOPIC, 'us-east'), { kind: 'branch', common: START, behind: 0 })
  await expect.poll(() => peer.holdings.flat().at(-1)?.repairing).toBe(true)
  peer.watch()
})

test('a receiver gets no more than it asked for, and a pull that was handed on ends with its own', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  const records = await origin.publish(40)
  // All but the first few are read through: the relay has them not yet.
  await relay.apply('us-east', records.slice(0, 5))
  const peer = relay.peer('ap-south')
  const position = records[9]?.position ?? START
  const size = records[0]?.event.length ?? 0
  const slow = peer.pull('us-east', { position, creditBytes: 3 * size }, { grants: false })
  await expect.poll(() => slow.records.length).toBeGreaterThan(0)
  await origin.publish(5)
  expect(slow.records.length).toBeLessThan(5)
  // One pull at the origin, for the receiver; none once it is closed.
  const open = () => origin.context.positions.all().map(({ region }) => region)
  await expect.poll(open).toEqual(['ap-south'])
  slow.close()
  await expect.poll(open).toEqual([])
  const again = peer.pull('us-east', { position })
  await expect.poll(() => again.records.length).toBe(35)
  peer.end()
  await expect.poll(open).toEqual([])
})

test('a relay that is behind hands on, and goes on from its own stream once it has caught up', async () => {
  await using stack = new AsyncDisposableStack()
  const { origin, relay } = await originAndRelay(stack)
  const records = await origin.publish(20)
  await relay.apply('us-east', records.slice(0, 5))
  const pull = relay.peer('ap-south').pull('us-east', { position: records[9]?.position ?? START })
  await expectServed(pull, records.slice(10))
  const open = () => origin.context.positions.all().length
  expect(open()).toBe(1)
  await relay.apply('us-east', records.slice(5))
  await expect.poll(open, { timeout: 10_000 }).toBe(0)
  relay.cut(origin)
  const more = await origin.publish(3)
  await relay.apply(
    'us-east',
    more.map((record, index) => (index === 0 ? follows(record, records) : record)),
  )
  await expectServed(pull, [...records.slice(10), ...more])
})

/** The first of some later records names the last of these. */
function follows(record: RawRecord, records: readonly RawRecord[]): RawRecord {
  return { ...record, prev: records.at(-1)?.position ?? START }
}
