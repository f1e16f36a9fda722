import { markerSubject, messageId, type RawRecord, START } from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import { expect, test } from 'vitest'
import { ServedRegion, TOPIC } from './served-region.ts'

const positions = (records: readonly RawRecord[]) => records.map(({ position }) => position)

test('a marker goes out as the event that it stands for, marked, under its own place', async () => {
  await using region = await ServedRegion.start('eu-west', ['us-east'])
  await using east = await ServedRegion.start('us-east', ['eu-west'])
  const [lost] = await east.publish(1)
  if (lost === undefined) throw new Error('no record')
  await region.publish(2)
  await region.apply('us-east', [lost])
  const id = { source: '/us-east', id: '1' }
  const mark = { region: 'us-east', sinceMs: 1_000, untilMs: 2_000 }
  const pointer = { kind: 'marker', messageId: messageId(id), mark } as const
  const localSequence = await region.sequenceOf(id)
  const place = await region.control(markerSubject(TOPIC, 'eu-west'), { ...pointer, localSequence })
  // Of an event that is no longer kept, or is another one, nothing goes out.
  await region.control(markerSubject(TOPIC, 'eu-west'), { ...pointer, localSequence: 1 })
  await region.control(markerSubject(TOPIC, 'eu-west'), { ...pointer, localSequence: 999 })
  await region.publish(1)
  const pull = region.peer('us-east').pull('eu-west')
  await expect.poll(() => pull.events).toEqual(['/eu-west 1', '/eu-west 2', '/us-east 1', '/eu-west 3'])
  expect(pull.breaks).toEqual([])
  expect(pull.records[2]).toMatchObject({ position: place, mark, partition: lost.partition })
  expect(pull.records[2]?.event).toEqual(lost.event)
  // Its place is one like any other.
  const behind = region.peer('us-east').pull('eu-west', { position: place })
  await expect.poll(() => behind.events).toEqual(['/eu-west 3'])
  expect(behind.breaks).toEqual([])
})

test('what a filter holds back is told as looked at, and where that was is a place to go on from', async () => {
  const spec = '{ replication: { filter: \'event.partitionkey != "k0"\' } }'
  await using region = await ServedRegion.start('eu-west', ['us-east'], spec)
  const records = await region.publish(9)
  const passing = records.filter((_, index) => (index + 1) % 3 !== 0)
  const pull = region.peer('us-east').pull('eu-west')
  await expect.poll(() => positions(pull.records)).toEqual(positions(passing))
  expect(pull.breaks).toEqual([])
  await expect.poll(() => pull.skipped).toEqual(records[8]?.position)
  await expect.poll(() => pull.heads.at(-1)?.pending).toBe(0n)
  // The last that passed, and the place up to which was looked; retention may have taken the former.
  const position = records[7]?.position ?? START
  const scanned = records[8]?.position
  await region.nats.ask('STREAM.PURGE.lb_acme_orders', { seq: 9 })
  const next = region.peer('us-east').pull('eu-west', { position, scanned })
  await region.publish(2)
  await expect.poll(() => next.sequences).toEqual([10, 11])
  expect(next.breaks).toEqual([])
})

test('classifications decide for each receiver, at the origin and at a relay', async () => {
  const rules = [
    { classification: 'near', regions: ['us-east', 'eu-west'] },
    { classification: 'far', regions: ['us-east', 'ap-south'] },
  ]
  const near = `{ replication: { classifications: ${JSON.stringify(rules.slice(0, 1))} } }`
  await using origin = await ServedRegion.start('us-east', ['eu-west', 'ap-south'], near)
  await origin.publish(2)
  await origin.publish(2, { classification: 'near' })
  await origin.publish(1)
  const records = await origin.own()
  await using relay = await ServedRegion.start('eu-west', ['us-east', 'ap-south'], near)
  await relay.apply('us-east', records)
  const passing = records.filter((_, index) => index !== 2 && index !== 3)
  for (const region of [origin, relay]) {
    const pull = region.peer('ap-south').pull('us-east')
    await expect.poll(() => positions(pull.records)).toEqual(positions(passing))
    expect(pull.breaks).toEqual([])
  }
  const all = origin.peer('eu-west').pull('us-east')
  await expect.poll(() => positions(all.records)).toEqual(positions(records))
  // What the receiver may have and the relay may not, the relay would have to leave out.
  const far = `{ replication: { classifications: ${JSON.stringify(rules)} } }`
  await using unfit = await ServedRegion.start('eu-west', ['us-east', 'ap-south'], far)
  const refused = unfit.peer('ap-south').pull('us-east')
  await expect.poll(() => refused.refused?.reason).toBe(RefusalReason.CANNOT_TELL)
})

test('a gap that the receiver has written down is passed, any other is refused', async () => {
  await using region = await ServedRegion.start('eu-west', ['us-east'])
  const records = await region.publish(9)
  await region.nats.ask('STREAM.PURGE.lb_acme_orders', { seq: 6 })
  const position = records[1]?.position ?? START
  const strict = region.peer('us-east').pull('eu-west', { position })
  await expect.poll(() => strict.refused?.first?.sequence).toBe(6n)
  const informed = region.peer('us-east').pull('eu-west', { position, skipGap: true })
  await expect.poll(() => informed.sequences).toEqual([6, 7, 8, 9])
  expect(informed.breaks).toEqual([])
  await region.publish(1)
  await expect.poll(() => informed.sequences).toEqual([6, 7, 8, 9, 10])
  expect(informed.refused).toBeUndefined()
})

test('the head tells the time of the server, so that it can be relied on', async () => {
  await using region = await ServedRegion.start('eu-west', ['us-east'])
  const [record] = await region.publish(1)
  const pull = region.peer('us-east').pull('eu-west')
  await expect.poll(() => pull.heads.length).toBeGreaterThan(0)
  const { head, time, stale } = pull.heads[0] ?? {}
  expect(head?.sequence).toBe(1n)
  expect(stale).toBe(false)
  const timeMs = Number(time?.seconds) * 1_000 + (time?.nanos ?? 0) / 1e6
  expect(timeMs).toBeGreaterThanOrEqual(Math.floor(Number((record?.position.stamp ?? 0n) / 1_000_000n)))
  expect(timeMs).toBeLessThan(Date.now() + 1)
})
