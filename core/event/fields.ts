/** Field numbers of `io.cloudevents.v1.CloudEvent`; a test holds them against the generated code. */
export const EventField = {
  id: 1,
  source: 2,
  specVersion: 3,
  type: 4,
  attributes: 5,
  binaryData: 6,
  textData: 7,
  protoData: 8,
} as const

/** Field numbers of an entry of `CloudEvent.attributes`, as of every Protobuf map. */
export const EntryField = { key: 1, value: 2 } as const

/** Field numbers of `io.cloudevents.v1.CloudEvent.CloudEventAttributeValue`. */
export const ValueField = {
  ceBoolean: 1,
  ceInteger: 2,
  ceString: 3,
  ceBytes: 4,
  ceUri: 5,
  ceUriRef: 6,
  ceTimestamp: 7,
} as const

/** Field numbers of `google.protobuf.Timestamp`. */
export const TimestampField = { seconds: 1, nanos: 2 } as const

/** Field numbers of `google.protobuf.Any`. */
export const AnyField = { typeUrl: 1, value: 2 } as const
