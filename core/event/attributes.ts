import { type CloudEventAttributeValue, CloudEventSchema, messageCodec } from '@landbridge/proto'
import { MeshError } from '../errors.ts'
import { asBuffer } from '../wire.ts'

const codec = messageCodec(CloudEventSchema)

/**
 * Every attribute of an event as text, `id`, `source`, `specversion` and `type`
 * included, as CloudEvents writes each type (true, 42, base64, RFC 3339).
 * Decodes the event: for filters, people and tests, not for every publish.
 * Throws `invalid_argument` for bytes that `scanEvent` would not have accepted.
 */
export function scanAttributes(bytes: Uint8Array): ReadonlyMap<string, string> {
  try {
    const event = codec.deserialize(asBuffer(bytes))
    const attributes = new Map<string, string>()
    for (const [name, value] of Object.entries(event.attributes)) attributes.set(name, attributeText(value))
    return attributes
      .set('id', event.id)
      .set('source', event.source)
      .set('specversion', event.specVersion)
      .set('type', event.type)
  } catch (cause) {
    throw new MeshError('invalid_argument', 'event: is malformed, wanted an encoded io.cloudevents.v1.CloudEvent', {
      cause,
    })
  }
}

function attributeText({ attr }: CloudEventAttributeValue): string {
  switch (attr.case) {
    case 'ceBoolean':
    case 'ceInteger':
      return String(attr.value)
    case 'ceBytes':
      return Buffer.from(attr.value).toString('base64')
    case 'ceTimestamp':
      return timestampText(Number(attr.value.seconds), attr.value.nanos)
    case undefined:
      return ''
    default:
      return attr.value
  }
}

/** RFC 3339 with as many digits of the second (3, 6 or 9) as it takes to lose none. */
function timestampText(seconds: number, nanos: number): string {
  const second = new Date(seconds * 1_000).toISOString().slice(0, -'.000Z'.length)
  const digits = String(nanos).padStart(9, '0')
  const kept = nanos % 1_000_000 === 0 ? 3 : nanos % 1_000 === 0 ? 6 : 9
  return `${second}.${digits.slice(0, kept)}Z`
}
