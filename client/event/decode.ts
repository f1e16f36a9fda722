import { asBuffer, MeshError, scanAttributes } from '@landbridge/core'
import { type CloudEvent, CloudEventSchema, messageCodec } from '@landbridge/proto'
import type { MeshEvent } from './types.ts'

const codec = messageCodec(CloudEventSchema)

/** Attributes that are not extensions: they have a property of their own. */
const CORE = ['id', 'source', 'specversion', 'type', 'subject', 'time', 'partitionkey', 'datacontenttype', 'dataschema']

/** An event whose parts are decoded when they are asked for, once. Malformed bytes make the properties throw `invalid_argument`. */
export function decodeEvent(encoded: Uint8Array): MeshEvent {
  return new LazyEvent(encoded)
}

class LazyEvent implements MeshEvent {
  readonly encoded: Uint8Array
  #attributes: ReadonlyMap<string, string> | undefined
  #extensions: ReadonlyMap<string, string> | undefined
  #data: CloudEvent['data'] | undefined

  constructor(encoded: Uint8Array) {
    this.encoded = encoded
  }

  get id(): string {
    return this.#attribute('id') ?? ''
  }

  get source(): string {
    return this.#attribute('source') ?? ''
  }

  get type(): string {
    return this.#attribute('type') ?? ''
  }

  get subject(): string | undefined {
    return this.#attribute('subject')
  }

  get time(): Date | undefined {
    const text = this.#attribute('time')
    return text === undefined ? undefined : new Date(text)
  }

  get partitionKey(): string | undefined {
    return this.#attribute('partitionkey')
  }

  get dataContentType(): string | undefined {
    return this.#attribute('datacontenttype')
  }

  get dataSchema(): string | undefined {
    return this.#attribute('dataschema')
  }

  get extensions(): ReadonlyMap<string, string> {
    if (this.#extensions === undefined) {
      const extensions = new Map(this.#scanned)
      for (const name of CORE) extensions.delete(name)
      this.#extensions = extensions
    }
    return this.#extensions
  }

  get hasData(): boolean {
    return this.#decoded.case !== undefined
  }

  bytes(): Uint8Array {
    const data = this.#decoded
    if (data.case === 'textData') return Buffer.from(data.value)
    if (data.case === 'binaryData') return data.value
    return data.case === 'protoData' ? data.value.value : new Uint8Array(0)
  }

  text(): string {
    const data = this.#decoded
    return data.case === 'textData' ? data.value : asBuffer(this.bytes()).toString('utf8')
  }

  json(): unknown {
    try {
      return JSON.parse(this.text())
    } catch (cause) {
      throw new MeshError('invalid_argument', 'event: data is no JSON, wanted JSON', { cause })
    }
  }

  #attribute(name: string): string | undefined {
    return this.#scanned.get(name)
  }

  get #scanned(): ReadonlyMap<string, string> {
    this.#attributes ??= scanAttributes(this.encoded)
    return this.#attributes
  }

  get #decoded(): CloudEvent['data'] {
    this.#data ??= codec.deserialize(asBuffer(this.encoded)).data
    return this.#data
  }
}
