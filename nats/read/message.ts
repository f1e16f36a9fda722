import { MsgImpl } from '@nats-io/nats-core/internal'
import type { Msg } from '@nats-io/transport-node'

/** A record of a stream. */
export type StoredMessage = {
  readonly subject: string
  readonly sequence: number
  /** The server's stored time, ns since 1970. */
  readonly stampNs: bigint
  /** Empty when the reader asked for headers only. */
  readonly payload: Uint8Array
  /** Records that match the filters behind this one, as of delivery. 0 for single reads. */
  readonly pending: number
  /** A header's first value, or undefined. Names are compared as written. */
  header(name: string): string | undefined
}

/** What the server says about a delivery in its acknowledgement subject. */
export type DeliveryInfo = {
  readonly deliveries: number
  readonly sequence: number
  readonly consumerSequence: number
  readonly stampNs: bigint
  readonly pending: number
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<stamp>.<pending>`, which newer
 * servers write with domain and account hash after ACK. Undefined for anything else.
 */
export function readDelivery(reply: string): DeliveryInfo | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined
  const tokens = reply.split('.')
  const at = tokens.length === 9 ? 4 : 6
  const [deliveries, sequence, consumerSequence, stamp, pending] = tokens.slice(at, at + 5)
  if (pending === undefined || stamp === undefined) return undefined
  return {
    deliveries: Number(deliveries),
    sequence: Number(sequence),
    consumerSequence: Number(consumerSequence),
    stampNs: BigInt(stamp),
    pending: Number(pending),
  }
}

/** A delivered record. */
export function deliveredMessage(message: Msg, info: DeliveryInfo): StoredMessage {
  return new Delivered(message, info)
}

/** A record as the stream get API tells it. */
export type RawRecord = {
  readonly subject: string
  readonly seq: number
  readonly time: string
  readonly data?: string
  readonly hdrs?: string
}

/** A record that was read by itself. */
export function rawMessage(record: RawRecord): StoredMessage {
  const block = Buffer.from(record.hdrs ?? '', 'base64').toString()
  return {
    subject: record.subject,
    sequence: record.seq,
    stampNs: stampOf(record.time),
    payload: Buffer.from(record.data ?? '', 'base64'),
    pending: 0,
    header: (name) => headerIn(block, name),
  }
}

/** Nanoseconds since 1970 of an RFC 3339 time in UTC with up to nine decimals. */
export function stampOf(time: string): bigint {
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.')
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}

/** The value of `name` in a "NATS/1.0\r\nName: value\r\n...\r\n\r\n" block. */
export function headerIn(block: string, name: string): string | undefined {
  const key = `\r\n${name}:`
  const at = block.indexOf(key)
  if (at < 0) return undefined
  const end = block.indexOf('\r\n', at + key.length)
  return block.slice(at + key.length, end < 0 ? undefined : end).trim()
}

/** Decodes headers only when asked, and not at all into a map: readers look at a few names of each record. */
class Delivered implements StoredMessage {
  readonly #message: Msg
  readonly #info: DeliveryInfo
  #block: string | undefined

  constructor(message: Msg, info: DeliveryInfo) {
    this.#message = message
    this.#info = info
  }

  get subject(): string {
    return this.#message.subject
  }

  get sequence(): number {
    return this.#info.sequence
  }

  get stampNs(): bigint {
    return this.#info.stampNs
  }

  get payload(): Uint8Array {
    return this.#message.data
  }

  get pending(): number {
    return this.#info.pending
  }

  header(name: string): string | undefined {
    this.#block ??= headerBlockOf(this.#message)
    return headerIn(this.#block, name)
  }
}

function headerBlockOf(message: Msg): string {
  if (!(message instanceof MsgImpl)) throw new TypeError('read headers: the message is not one of @nats-io/nats-core')
  const length = message._msg.hdr
  if (length <= 0) return ''
  const raw = message._rdata
  return Buffer.from(raw.buffer, raw.byteOffset, length).toString()
}
