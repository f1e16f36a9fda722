import type { EventInput, ExtensionValue } from '../../index.ts'
import { workFailure } from '../command-failure.ts'

/** Attributes that the command line gives to every event that lacks them. */
export type EventDefaults = {
  readonly type: string | undefined
  readonly source: string | undefined
  readonly subject: string | undefined
  readonly key: string | undefined
  readonly contentType: string | undefined
  readonly extensions: Readonly<Record<string, string>>
}

type Attributes = Readonly<Record<string, unknown>>

/** Attributes with a field of their own in `EventInput`. */
const KNOWN: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'partitionkey',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
])
/** Set by the mesh at each publish; those of a copied event are not ours to repeat. */
const OF_THE_MESH: ReadonlySet<string> = new Set([
  'lborigin',
  'lbtime',
  'recordedtime',
  'authtype',
  'authid',
  'lbretryof',
])

/**
 * The event of one line of NDJSON: a CloudEvent in the JSON format when it has "specversion", otherwise data.
 * `where` names the line. @throws CommandFailure 'failed'.
 */
export function eventOfLine(line: string, defaults: EventDefaults, where: string): EventInput {
  const value = parse(line, where)
  const isEvent = typeof value === 'object' && value !== null && 'specversion' in value
  return isEvent ? cloudEvent({ ...value }, defaults, where) : eventOfText(line.trim(), defaults, where)
}

/** An event whose data is text. Its content type is JSON when it reads as JSON, unless the command line says otherwise. */
export function eventOfText(text: string, defaults: EventDefaults, where: string): EventInput {
  return { ...ofDefaults(defaults, where), data: text, dataContentType: defaults.contentType ?? typeOfText(text) }
}

/** An event whose data is bytes. */
export function eventOfBytes(bytes: Buffer, defaults: EventDefaults, where: string): EventInput {
  const text = bytes.toString('utf8')
  if (Buffer.from(text, 'utf8').equals(bytes)) return eventOfText(text, defaults, where)
  const dataContentType = defaults.contentType ?? 'application/octet-stream'
  return { ...ofDefaults(defaults, where), data: bytes, dataContentType }
}

/** An event without data. */
export function eventWithoutData(defaults: EventDefaults, where: string): EventInput {
  return ofDefaults(defaults, where)
}

function ofDefaults(defaults: EventDefaults, where: string): EventInput {
  const { type, source, subject, key, extensions } = defaults
  if (type === undefined) throw workFailure(`${where}: has no type, wanted --type or a CloudEvent with one`)
  return { type, source, subject, partitionKey: key, extensions }
}

function cloudEvent(value: Attributes, defaults: EventDefaults, where: string): EventInput {
  if (value.specversion !== '1.0') throw workFailure(`${where}: specversion is not "1.0", wanted a CloudEvent 1.0`)
  const text = (name: string) => textOf(value, name, where)
  const type = text('type') ?? defaults.type
  if (type === undefined) throw workFailure(`${where}: has no type, wanted --type or a CloudEvent with one`)
  return {
    type,
    id: text('id'),
    source: text('source') ?? defaults.source,
    subject: text('subject') ?? defaults.subject,
    time: timeOf(text('time'), where),
    partitionKey: text('partitionkey') ?? defaults.key,
    dataSchema: text('dataschema'),
    extensions: { ...defaults.extensions, ...extensionsOf(value, where) },
    ...dataOf(value, text('datacontenttype') ?? defaults.contentType, where),
  }
}

function dataOf(
  value: Attributes,
  type: string | undefined,
  where: string,
): Pick<EventInput, 'data' | 'dataContentType'> {
  const encoded = textOf(value, 'data_base64', where)
  if (encoded !== undefined) return { data: Buffer.from(encoded, 'base64'), dataContentType: type }
  if (value.data === undefined) return { dataContentType: type }
  // Text of a type that is not JSON is the data itself; everything else is JSON data.
  const isText = typeof value.data === 'string' && type !== undefined && !/^[^;]*[/+]json\s*(;|$)/i.test(type)
  return { data: isText ? value.data : JSON.stringify(value.data), dataContentType: type ?? 'application/json' }
}

function extensionsOf(value: Attributes, where: string): Readonly<Record<string, ExtensionValue>> {
  const extensions: Record<string, ExtensionValue> = {}
  for (const [name, extension] of Object.entries(value)) {
    if (KNOWN.has(name) || OF_THE_MESH.has(name) || extension === null) continue
    if (typeof extension !== 'string' && typeof extension !== 'number' && typeof extension !== 'boolean') {
      throw workFailure(`${where}: ${name} is no text, number or boolean, wanted one`)
    }
    extensions[name] = extension
  }
  return extensions
}

function textOf(value: Attributes, name: string, where: string): string | undefined {
  const text = value[name]
  if (text === undefined || text === null) return undefined
  if (typeof text !== 'string') throw workFailure(`${where}: ${name} is no text, wanted text`)
  return text
}

function timeOf(text: string | undefined, where: string): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw workFailure(`${where}: time is no time, wanted RFC 3339`)
  return time
}

function typeOfText(text: string): string {
  try {
    JSON.parse(text)
    return 'application/json'
  } catch {
    return 'text/plain; charset=utf-8'
  }
}

function parse(line: string, where: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw workFailure(`${where}: is no JSON (${reason}), wanted one JSON value a line`)
  }
}
