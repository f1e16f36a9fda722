import { MeshError } from '@landbridge/core'

/** Most outstanding credit of one subscription. */
export const CREDIT_MESSAGES_MAX = 100_000
/** Most outstanding credit in bytes. */
export const CREDIT_BYTES_MAX = 256 * 1024 * 1024

/** A grant. */
export type Grant = {
  readonly messages: number
  /** 0 in the first grant: messages alone decide. */
  readonly bytes: bigint
}

/**
 * What a subscriber is ready for. Guarantees:
 * 1. `spend` is called only after `ready` said yes, so that messages never go below zero; the last event of a byte
 *    credit may exceed it by its own size, else an event larger than the credit would block the stream for good.
 * 2. A grant that is refused changes nothing.
 */
export class Credit {
  #messages: number
  #bytes: number

  /** @throws MeshError 'invalid_argument' for a first grant without messages, or beyond the bounds. */
  constructor(first: Grant) {
    if (first.messages === 0) throw refusal('the first grant has no messages, wanted at least 1')
    this.#messages = 0
    this.#bytes = first.bytes === 0n ? Number.POSITIVE_INFINITY : 0
    this.grant(first)
  }

  /** Messages that may be delivered. */
  get messages(): number {
    return this.#messages
  }

  /** Bytes that may be delivered; Infinity when they are not counted. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether an event may be delivered. */
  get ready(): boolean {
    return this.#messages > 0 && this.#bytes > 0
  }

  /** One event of that size was delivered. */
  spend(bytes: number): void {
    this.#messages -= 1
    this.#bytes -= bytes
  }

  /** Adds. @throws MeshError 'invalid_argument' when the sum goes beyond the bounds, or bytes do not count here. */
  grant(grant: Grant): void {
    const messages = this.#messages + grant.messages
    if (messages > CREDIT_MESSAGES_MAX) {
      throw refusal(`outstanding messages would be ${messages}, wanted at most ${CREDIT_MESSAGES_MAX}`)
    }
    const counted = this.#bytes !== Number.POSITIVE_INFINITY
    if (!counted && grant.bytes > 0n) {
      throw refusal('bytes were not counted in the first grant, wanted messages only')
    }
    const bytes = counted ? BigInt(this.#bytes) + grant.bytes : 0n
    if (bytes > BigInt(CREDIT_BYTES_MAX)) {
      throw refusal(`outstanding bytes would be ${bytes}, wanted at most ${CREDIT_BYTES_MAX}`)
    }
    if (grant.messages === 0 && grant.bytes === 0n) throw refusal('a grant of nothing, wanted messages or bytes')
    this.#messages = messages
    if (counted) this.#bytes = Number(bytes)
  }
}

function refusal(text: string): MeshError {
  return new MeshError('invalid_argument', `credit: ${text}`)
}
