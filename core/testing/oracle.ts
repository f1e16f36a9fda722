import { fromBinary } from '@bufbuild/protobuf'
import { type CloudEvent, CloudEventSchema } from '@landbridge/proto'
import { expect } from 'vitest'
import { appendAttributes, encodeStringAttribute } from '../event/attribute-writer.ts'
import { scanEvent } from '../event/scan.ts'

/** Protobuf-ES's reading of an event; undefined when it refuses. */
export function decodeEvent(bytes: Uint8Array): CloudEvent | undefined {
  return attempt(() => fromBinary(CloudEventSchema, new Uint8Array(bytes)))
}

/** The string in an attribute of a decoded event; undefined for other types and without it. */
export function stringAttribute(event: CloudEvent, name: string): string | undefined {
  const attr = Object.hasOwn(event.attributes, name) ? event.attributes[name]?.attr : undefined
  return attr?.case === 'ceString' ? attr.value : undefined
}

/**
 * Holds `scanEvent` against Protobuf-ES: what the scanner accepts, Protobuf-ES
 * must read, in the same way; and attributes appended to it must win and change
 * nothing else. Answers whether the scanner accepted.
 */
export function expectSameReading(bytes: Buffer): boolean {
  const { value: scanned } = scanEvent(bytes)
  if (scanned === undefined) return false
  const decoded = decodeEvent(bytes)
  if (decoded === undefined) throw new Error(`accepted, but Protobuf-ES refuses: ${bytes.toString('hex')}`)
  expect(decoded.specVersion).toBe('1.0')
  expect(scanned).toEqual({
    id: decoded.id,
    source: decoded.source,
    type: decoded.type,
    partitionKey: stringAttribute(decoded, 'partitionkey'),
    traceparent: stringAttribute(decoded, 'traceparent'),
    byteLength: bytes.length,
  })
  for (const [name, { attr }] of Object.entries(decoded.attributes)) {
    expect(name).toMatch(/^[a-z0-9]{1,64}$/)
    expect(attr.case).toBeDefined()
  }
  const suffix = encodeStringAttribute('lborigin', 'us-east')
  const stamped = decodeEvent(appendAttributes(bytes, suffix))
  if (stamped === undefined) throw new Error(`an attribute appended broke it: ${bytes.toString('hex')}`)
  expect(stringAttribute(stamped, 'lborigin')).toBe('us-east')
  const { lborigin: _before, ...before } = decoded.attributes
  const { lborigin: _after, ...after } = stamped.attributes
  expect({ ...stamped, attributes: after }).toEqual({ ...decoded, attributes: before })
  return true
}

/** What `action` returns; undefined when it throws. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
