import type { DescMessage } from '@bufbuild/protobuf'
import {
  CloudEventAttributeValueSchema,
  CloudEventSchema,
  DeliveriesSchema,
  DeliverySchema,
  PublishRequestSchema,
  PublishStreamRequestSchema,
  PullRecordsSchema,
  RecordSchema,
  ReplicateResponseSchema,
  RetryMarkSchema,
  SubscribeResponseSchema,
} from '@landbridge/proto'
import { expect, test } from 'vitest'
import * as frames from '../frames/fields.ts'
import { AnyField, EventField, TimestampField, ValueField } from './fields.ts'

/** The message that a field of another message holds. */
function messageOf(desc: DescMessage, field: string): DescMessage {
  const message = desc.fields.find(({ localName }) => localName === field)?.message
  if (message === undefined) throw new Error(`${field}: is not a message field`)
  return message
}

const cases: readonly [string, DescMessage, Readonly<Record<string, number>>][] = [
  ['CloudEvent', CloudEventSchema, EventField],
  ['CloudEventAttributeValue', CloudEventAttributeValueSchema, ValueField],
  ['Timestamp', messageOf(CloudEventAttributeValueSchema, 'ceTimestamp'), TimestampField],
  ['Any', messageOf(CloudEventSchema, 'protoData'), AnyField],
  ['PublishRequest', PublishRequestSchema, frames.PublishRequestField],
  ['PublishStreamRequest', PublishStreamRequestSchema, frames.PublishStreamRequestField],
  ['SubscribeResponse', SubscribeResponseSchema, frames.SubscribeResponseField],
  ['Deliveries', DeliveriesSchema, frames.DeliveriesField],
  ['Delivery', DeliverySchema, frames.DeliveryField],
  ['ReplicateResponse', ReplicateResponseSchema, frames.ReplicateResponseField],
  ['PullRecords', PullRecordsSchema, frames.PullRecordsField],
  ['Record', RecordSchema, frames.RecordField],
  ['RetryMark', RetryMarkSchema, frames.RetryMarkField],
]

test.each(cases)('field numbers of %s', (_name, desc, fields) => {
  expect(fields).toEqual(Object.fromEntries(desc.fields.map(({ localName, number }) => [localName, number])))
})
