import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** A span as it was sent. */
export type SentSpan = {
  readonly traceId: string
  readonly spanId: string
  /** '' for the root of a trace. */
  readonly parentId: string
  readonly name: string
  readonly attributes: Readonly<Record<string, string | number>>
  /** Why it failed; undefined when it did not. */
  readonly error: string | undefined
}

/** An OTLP/HTTP collector that keeps what it gets. */
export type Collector = AsyncDisposable & {
  readonly url: string
  /** The bytes: names and ids stand in them as they are. */
  received(): Buffer
  spans(): readonly SentSpan[]
}

/** Starts it on a port of its own. */
export async function startCollector(): Promise<Collector> {
  const bodies: Buffer[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(parts))
      response.end()
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => Buffer.concat(bodies),
    spans: () => bodies.flatMap(spansOf),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const STATUS_ERROR = 2

/** The spans of an ExportTraceServiceRequest: resource_spans, scope_spans and spans lie in each other. */
function spansOf(request: Uint8Array): readonly SentSpan[] {
  return messages(request, 1)
    .flatMap((resourceSpans) => messages(resourceSpans, 2))
    .flatMap((scopeSpans) => messages(scopeSpans, 2))
    .map(spanOf)
}

function spanOf(span: Uint8Array): SentSpan {
  const [status = new Uint8Array()] = messages(span, 15)
  const attributes = messages(span, 9).map((attribute) => {
    const [value = new Uint8Array()] = messages(attribute, 2)
    return [text(attribute, 1), fields(value).get(3)?.[0] === undefined ? text(value, 1) : number(value, 3)]
  })
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentId: hex(span, 4),
    name: text(span, 5),
    attributes: Object.fromEntries(attributes),
    error: number(status, 3) === STATUS_ERROR ? text(status, 2) : undefined,
  }
}

/** The values of a message by field number: bytes, or numbers. */
function fields(message: Uint8Array): ReadonlyMap<number, readonly (Uint8Array | number)[]> {
  const reader = new BinaryReader(message)
  const found = new Map<number, (Uint8Array | number)[]>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    const values = found.get(field) ?? []
    found.set(field, values)
    if (type === WireType.LengthDelimited) values.push(reader.bytes())
    else if (type === WireType.Varint) values.push(Number(reader.uint64()))
    else reader.skip(type)
  }
  return found
}

function messages(message: Uint8Array, field: number): readonly Uint8Array[] {
  return (fields(message).get(field) ?? []).filter((value) => typeof value !== 'number')
}

function number(message: Uint8Array, field: number): number {
  return Number(fields(message).get(field)?.[0] ?? 0)
}

function text(message: Uint8Array, field: number): string {
  return Buffer.from(messages(message, field)[0] ?? []).toString()
}

function hex(message: Uint8Array, field: number): string {
  return Buffer.from(messages(message, field)[0] ?? []).toString('hex')
}
