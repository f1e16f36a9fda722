import { create } from '@bufbuild/protobuf'
import { type CloudEvent, CloudEventSchema, messageCodec } from '@landbridge/proto'

const codec = messageCodec(CloudEventSchema)

/** An event whose identity, key and place within its key can be read back. */
export type TestEvent = { readonly source: string; readonly id: string; readonly key: string; readonly counter: number }

/** An encoded CloudEvent; `payloadBytes` of data (default 64). */
export function encodeEvent({ source, id, key, counter }: TestEvent, payloadBytes = 64): Uint8Array {
  return codec.serialize(
    create(CloudEventSchema, {
      id,
      source,
      specVersion: '1.0',
      type: 'test.counted',
      attributes: {
        partitionkey: { attr: { case: 'ceString', value: key } },
        counter: { attr: { case: 'ceInteger', value: counter } },
      },
      data: { case: 'binaryData', value: new Uint8Array(payloadBytes) },
    }),
  )
}

/** Reads what `encodeEvent` wrote, whatever was appended since. */
export function decodeEvent(bytes: Uint8Array): TestEvent {
  const event: CloudEvent = codec.deserialize(Buffer.from(bytes))
  const { partitionkey, counter } = event.attributes
  const key = partitionkey?.attr.case === 'ceString' ? partitionkey.attr.value : ''
  const place = counter?.attr.case === 'ceInteger' ? counter.attr.value : 0
  return { source: event.source, id: event.id, key, counter: place }
}
