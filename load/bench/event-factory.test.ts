import { fromBinary } from '@bufbuild/protobuf'
import { CloudEventSchema } from '@landbridge/proto'
import { expect, test } from 'vitest'

import { EventFactory } from './event-factory.ts'

test('events of exactly the wanted size, each with the id it carries', () => {
  const factory = new EventFactory(256)
  const events = factory.batch(1_234)
  expect(new Set(events.map(({ id }) => id)).size).toBe(1_234)
  for (const { id, bytes } of events) {
    expect(bytes.length).toBe(256)
    const event = fromBinary(CloudEventSchema, bytes)
    expect(event.id).toBe(id)
    expect(event.specVersion).toBe('1.0')
  }
})

test('two factories share no id', () => {
  expect(new EventFactory().next().id).not.toBe(new EventFactory().next().id)
})

test('a size below the attributes is refused', () => {
  expect(() => new EventFactory(20)).toThrow('20 bytes cannot be reached')
})
