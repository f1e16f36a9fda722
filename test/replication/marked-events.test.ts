import { messageId } from '@landbridge/core'
import { keptRecordAt } from '@landbridge/nats'
import { expect, test } from 'vitest'
import { eventsOfMarkers, type Marker } from '../../gateway/replicate/serve/markers.ts'
import type { TopicEntry } from '../../gateway/topics.ts'
import { decodeEvent } from './events.ts'
import { ServedRegion, TOPIC_KEY } from './served-region.ts'

const EVENTS = 40

/** A region with events of another one, 1 to 40, of which some are gone: 1 to 10 by retention, 20 by hand. */
async function startRegion() {
  await using stack = new AsyncDisposableStack()
  const region = stack.use(await ServedRegion.start('eu-west', ['us-east']))
  const east = stack.use(await ServedRegion.start('us-east', ['eu-west']))
  await region.apply('us-east', await east.publish(EVENTS))
  await region.nats.ask('STREAM.PURGE.lb_acme_orders', { seq: 11 })
  await region.nats.ask('STREAM.MSG.DELETE.lb_acme_orders', { seq: 20 })
  const topic = region.context.registry.get(TOPIC_KEY) as TopicEntry
  const { session } = region.nats
  const cleanup = stack.move()
  return {
    session,
    topic,
    /** The ids of the events, as many as were read at a time; undefined for those that are gone. */
    read: async (sequences: readonly number[]) => {
      const events = await eventsOfMarkers(session, topic, sequences.map(markerOf))
      return events.map((event) => event && Number(decodeEvent(event.payload).id))
    },
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  }
}

const markerOf = (localSequence: number): Marker => ({
  kind: 'marker',
  messageId: messageId({ source: '/us-east', id: String(localSequence) }),
  localSequence,
  mark: { region: 'us-east', sinceMs: 1, untilMs: 2 },
})

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('events of markers are read singly or together, and those that are certainly gone are told as gone', async () => {
  await using region = await startRegion()
  expect(await region.read([5, 11, 40])).toEqual([undefined, 11, 40])
  const together = range(1, EVENTS)
  // Up to the one that somebody deleted, and that one by itself.
  expect(await region.read(together)).toEqual([...Array.from({ length: 10 }, () => undefined), ...range(11, 19)])
  expect(await region.read(together.slice(19))).toEqual([undefined])
  expect(await region.read(together.slice(20))).toEqual(range(21, EVENTS))
})

// A server that has just become the leader may not have its newest records yet. An event that it did not have was taken
// for gone: the receiver was told to go on behind it, never got it, and publishers heard that it had it.
test('an event behind the end of the stream is not gone: nobody can tell, and it is asked for again', async () => {
  await using region = await startRegion()
  expect(await region.read([39, 40, 41])).toEqual([39, 40])
  await expect(region.read([41, 42])).rejects.toMatchObject({ code: 'unavailable' })
  expect(await region.read(range(30, 60))).toEqual(range(30, EVENTS))
  await expect(region.read(range(41, 60))).rejects.toMatchObject({ code: 'unavailable' })
})

test('a record that was there is kept, certainly gone, or not known', async () => {
  await using region = await startRegion()
  const at = (sequence: number) => keptRecordAt(region.session, region.topic.stream, sequence)
  expect((await at(40))?.sequence).toBe(40)
  expect([await at(3), await at(20)]).toEqual([undefined, undefined])
  await expect(at(41)).rejects.toMatchObject({
    code: 'unavailable',
    message: 'read lb_acme_orders: it ends at 40, wanted 41, which it had, try again',
  })
  await expect(keptRecordAt(region.session, 'lb_acme_none', 1)).rejects.toMatchObject({ code: 'not_found' })
})
