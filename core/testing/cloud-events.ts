import { create } from '@bufbuild/protobuf'
import { type CloudEvent, CloudEventSchema } from '@landbridge/proto'
import fc from 'fast-check'

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const someText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const name = fc
  .stringMatching(/^[a-z0-9]{1,20}$/)
  .filter((value) => !['id', 'source', 'specversion', 'type', 'data', 'partitionkey', 'traceparent'].includes(value))

const attribute = fc.oneof(
  text.map((value) => ({ attr: { case: 'ceString' as const, value } })),
  fc.boolean().map((value) => ({ attr: { case: 'ceBoolean' as const, value } })),
  fc.integer().map((value) => ({ attr: { case: 'ceInteger' as const, value } })),
  fc.uint8Array({ maxLength: 20 }).map((value) => ({ attr: { case: 'ceBytes' as const, value } })),
  fc.webUrl().map((value) => ({ attr: { case: 'ceUri' as const, value } })),
  text.map((value) => ({ attr: { case: 'ceUriRef' as const, value } })),
  fc
    .tuple(fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }), fc.integer({ min: 0, max: 999_999_999 }))
    .map(([seconds, nanos]) => ({ attr: { case: 'ceTimestamp' as const, value: { seconds, nanos } } })),
)

const data = fc.oneof(
  fc.constant({ case: undefined }),
  fc.uint8Array({ maxLength: 300 }).map((value) => ({ case: 'binaryData' as const, value })),
  fc.string({ unit: 'grapheme', maxLength: 300 }).map((value) => ({ case: 'textData' as const, value })),
  fc
    .uint8Array({ maxLength: 50 })
    .map((value) => ({ case: 'protoData' as const, value: { typeUrl: 'type.example.com/acme.Order', value } })),
)

/** Events as an honest publisher sends them. */
export const cloudEvents: fc.Arbitrary<CloudEvent> = fc
  .record({
    id: someText,
    source: someText,
    type: someText,
    partitionKey: fc.option(someText, { nil: undefined }),
    traceparent: fc.option(text, { nil: undefined }),
    attributes: fc.dictionary(name, attribute, { maxKeys: 5 }),
    data,
  })
  .map(({ id, source, type, partitionKey, traceparent, attributes, data }) =>
    create(CloudEventSchema, {
      id,
      source,
      specVersion: '1.0',
      type,
      attributes: {
        ...attributes,
        ...(partitionKey === undefined ? {} : { partitionkey: stringValue(partitionKey) }),
        ...(traceparent === undefined ? {} : { traceparent: stringValue(traceparent) }),
      },
      data,
    }),
  )

function stringValue(value: string) {
  return { attr: { case: 'ceString' as const, value } }
}
