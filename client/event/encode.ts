import { randomUUID } from 'node:crypto'
import { toBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { ATTRIBUTE_NAME_LENGTH_MAX, MeshError, quote, scanEvent } from '@landbridge/core'
import { type CloudEvent, type CloudEventAttributeValue, CloudEventSchema } from '@landbridge/proto'
import type { EventInput, ExtensionValue } from './types.ts'

/** Attributes that have a field of their own, or that only the mesh sets. */
const RESERVED: ReadonlySet<string> = new Set([
  'id',
  'source',
  'type',
  'specversion',
  'subject',
  'time',
  'data',
  'partitionkey',
  'datacontenttype',
  'dataschema',
  'lborigin',
  'lbtime',
  'lbretryof',
  'recordedtime',
  'authtype',
  'authid',
])

const NAME = /^[a-z0-9]+$/

/** The encoded event, with defaults filled in. @throws MeshError 'invalid_argument' that says what is wrong. */
export function encodeEvent(input: EventInput, defaultSource: string | undefined): Uint8Array {
  const { id, type } = input
  const source = input.source ?? defaultSource
  if (source === undefined) throw refusal('has no source, wanted one here or in connect()')
  const { data, isJson } = encodeData(input.data)
  const message: CloudEvent = {
    $typeName: 'io.cloudevents.v1.CloudEvent',
    id: id ?? randomUUID(),
    source,
    specVersion: '1.0',
    type,
    attributes: attributesOf(input, isJson),
    data,
  }
  const bytes = encode(message)
  const { error } = scanEvent(bytes)
  if (error !== undefined) throw error
  return bytes
}

/** One event or many, encoded. @throws MeshError as `encodeEvent` */
export function encodeEvents(
  events: EventInput | readonly EventInput[],
  defaultSource: string | undefined,
): readonly Uint8Array[] {
  return (isList(events) ? events : [events]).map((event) => encodeEvent(event, defaultSource))
}

function isList(events: EventInput | readonly EventInput[]): events is readonly EventInput[] {
  return Array.isArray(events)
}

function encode(message: CloudEvent): Uint8Array {
  try {
    return toBinary(CloudEventSchema, message)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('invalid_argument', `event: cannot be encoded: ${text}, wanted a CloudEvent`, { cause })
  }
}

function encodeData(data: unknown): { readonly data: CloudEvent['data']; readonly isJson: boolean } {
  if (data === undefined) return { data: { case: undefined }, isJson: false }
  if (typeof data === 'string') return { data: { case: 'textData', value: data }, isJson: false }
  if (data instanceof Uint8Array) return { data: { case: 'binaryData', value: data }, isJson: false }
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (cause) {
    throw new MeshError('invalid_argument', 'event: data cannot be written as JSON, wanted text, bytes or JSON', {
      cause,
    })
  }
  if (text === undefined) throw refusal(`data is a ${typeof data}, wanted text, bytes or JSON`)
  return { data: { case: 'textData', value: text }, isJson: true }
}

function attributesOf(input: EventInput, isJson: boolean): Record<string, CloudEventAttributeValue> {
  const attributes: Record<string, CloudEventAttributeValue> = {}
  const setText = (name: string, value: string | undefined) => {
    if (value !== undefined) attributes[name] = attribute({ case: 'ceString', value })
  }
  setText('subject', input.subject)
  setText('partitionkey', input.partitionKey)
  setText('datacontenttype', input.dataContentType ?? (isJson ? 'application/json' : undefined))
  if (input.dataSchema !== undefined) attributes.dataschema = attribute({ case: 'ceUri', value: input.dataSchema })
  if (input.time !== undefined) attributes.time = extension('time', input.time)
  for (const [name, value] of Object.entries(input.extensions ?? {})) {
    if (!NAME.test(name) || name.length > ATTRIBUTE_NAME_LENGTH_MAX) {
      throw refusal(`extension ${quote(name)} has no valid name, wanted lower-case letters and digits`)
    }
    if (RESERVED.has(name)) throw refusal(`extension ${quote(name)} is reserved, wanted another name`)
    attributes[name] = extension(name, value)
  }
  return attributes
}

function extension(name: string, value: ExtensionValue): CloudEventAttributeValue {
  if (typeof value === 'string') return attribute({ case: 'ceString', value })
  if (typeof value === 'boolean') return attribute({ case: 'ceBoolean', value })
  if (value instanceof Uint8Array) return attribute({ case: 'ceBytes', value })
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refusal(`${name} is no date, wanted a valid one`)
    return attribute({ case: 'ceTimestamp', value: timestampFromDate(value) })
  }
  if (Number.isInteger(value) && value === (value | 0)) return attribute({ case: 'ceInteger', value })
  throw refusal(`extension ${quote(name)} is ${String(value)}, wanted text, a 32-bit integer, boolean, bytes or date`)
}

function attribute(attr: CloudEventAttributeValue['attr']): CloudEventAttributeValue {
  return { $typeName: 'io.cloudevents.v1.CloudEventAttributeValue', attr }
}

function refusal(text: string): MeshError {
  return new MeshError('invalid_argument', `event: ${text}`)
}
