import type { MeshEvent } from '../../index.ts'

/** An event in the CloudEvents JSON format (structured mode), as `jq` and other tools read it. */
export function eventToJson(event: MeshEvent): Readonly<Record<string, unknown>> {
  const { id, source, type, subject, time, partitionKey, dataContentType, dataSchema } = event
  return {
    specversion: '1.0',
    id,
    source,
    type,
    ...(subject === undefined ? {} : { subject }),
    ...(time === undefined ? {} : { time: time.toISOString() }),
    ...(partitionKey === undefined ? {} : { partitionkey: partitionKey }),
    ...(dataContentType === undefined ? {} : { datacontenttype: dataContentType }),
    ...(dataSchema === undefined ? {} : { dataschema: dataSchema }),
    ...Object.fromEntries(event.extensions),
    ...dataToJson(event),
  }
}

/** The data as text for people: JSON and text as they are, other bytes as their size; undefined without data. */
export function dataText(event: MeshEvent): string | undefined {
  if (!event.hasData) return undefined
  return utf8Of(event.bytes()) ?? `(${event.bytes().length} bytes)`
}

function dataToJson(event: MeshEvent): Readonly<Record<string, unknown>> {
  if (!event.hasData) return {}
  const text = utf8Of(event.bytes())
  if (text === undefined) return { data_base64: Buffer.from(event.bytes()).toString('base64') }
  // Without a content type the format says JSON; data that is not what it claims to be stays text.
  if (!isJsonType(event.dataContentType)) return { data: text }
  try {
    return { data: JSON.parse(text) }
  } catch {
    return { data: text }
  }
}

function isJsonType(type: string | undefined): boolean {
  return type === undefined || /^[^;]*[/+]json\s*(;|$)/i.test(type)
}

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
