import { randomBytes } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import { messageId } from '@landbridge/core'
import { CloudEventSchema } from '@landbridge/proto'

const DIGITS = 10
const SOURCE = '/bench'

/** One event: its id, and its encoded CloudEvent, which is the caller's to keep. */
export type BenchEvent = { readonly id: string; readonly bytes: Buffer }

/** The message id under which the mesh stores an event of a factory. */
export function meshMessageId({ id }: BenchEvent): string {
  return messageId({ source: SOURCE, id })
}

/**
 * Makes encoded CloudEvents of exactly one size at the price of a copy, so that a load generator measures the others and not itself.
 * Every event has an id of its own, also among several factories and processes.
 */
export class EventFactory {
  readonly #template: Buffer
  readonly #prefix: string
  readonly #idEnd: number
  #count = 0

  /**
   * @param size bytes of an encoded event, 96 to 1 MiB. Default 256
   * @throws {Error} when the attributes alone need more
   */
  constructor(size = 256) {
    this.#prefix = `${randomBytes(6).toString('hex')}-`
    const id = this.#prefix + '0'.repeat(DIGITS)
    this.#template = encodeToSize(id, size)
    this.#idEnd = this.#template.indexOf(id) + id.length
  }

  /** The next event. */
  next(): BenchEvent {
    const bytes = Buffer.allocUnsafe(this.#template.length)
    this.#template.copy(bytes)
    const count = this.#count++
    let rest = count
    for (let index = this.#idEnd - 1; rest > 0; index--) {
      bytes[index] = 48 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    return { id: this.#prefix + String(count).padStart(DIGITS, '0'), bytes }
  }

  /** The next `count` events. */
  batch(count: number): BenchEvent[] {
    return Array.from({ length: count }, () => this.next())
  }
}

function encodeToSize(id: string, size: number): Buffer {
  const encode = (dataBytes: number) =>
    toBinary(
      CloudEventSchema,
      create(CloudEventSchema, {
        id,
        source: SOURCE,
        specVersion: '1.0',
        type: 'dev.landbridge.bench.v1',
        data: { case: 'binaryData', value: new Uint8Array(dataBytes).fill(0x61) },
      }),
    )
  // The length prefix of the data grows with the data: a few steps find the size.
  let dataBytes = Math.max(0, size - encode(0).length)
  for (let step = 0; step < 4; step++) {
    const encoded = encode(dataBytes)
    if (encoded.length === size) return Buffer.from(encoded)
    dataBytes += size - encoded.length
    if (dataBytes < 0) break
  }
  throw new Error(
    `make events: ${size} bytes cannot be reached exactly, wanted at least the ${encode(0).length} of the attributes`,
  )
}
