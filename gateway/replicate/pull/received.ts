import {
  continuesFrom,
  encodeHeaders,
  MeshError,
  messageId,
  type Position,
  type RawRecord,
  recordByteLength,
  scanEvent,
} from '@landbridge/core'
import type { ReceiveRoom } from './receive-room.ts'

/** A record of the origin, checked as far as it can be checked by itself. */
export type PullRecord = RawRecord & {
  /** What it takes of the credit, and about what it takes to store it. */
  readonly byteLength: number
  /** `Nats-Msg-Id`, from the event's own bytes. */
  readonly messageId: string
  /** The header block to store it with: made on receipt, while the server is busy with the batch before. */
  readonly headers: string
  /** The event's `traceparent`. */
  readonly traceparent: string | undefined
}

/** Records taken out of the queue together. */
export type ReceivedBatch = {
  readonly records: readonly PullRecord[]
  /** What they took of the credit. */
  readonly bytes: number
}

/**
 * Records that came and are not yet being applied, oldest first. Bounded by the credit of the pull: a peer that sends
 * more is cut off.
 */
export class ReceivedQueue {
  readonly #bytesMax: number
  readonly #room: Pick<ReceiveRoom, 'add'> | undefined
  #records: PullRecord[] = []
  #bytes = 0
  #tail: Position

  /**
   * @param position What the first record must follow.
   * @param bytesMax More than this cannot be on the way when the peer obeys its credit.
   * @param room Where all pulls count what waits.
   */
  constructor(position: Position, bytesMax: number, room?: Pick<ReceiveRoom, 'add'>) {
    this.#tail = position
    this.#bytesMax = bytesMax
    this.#room = room
  }

  get count(): number {
    return this.#records.length
  }

  /** Stored time at the origin of the oldest record, ns since 1970; undefined when there is none. */
  get oldestStamp(): bigint | undefined {
    return this.#records[0]?.position.stamp
  }

  /** The last record that came; before the first, where the pull began. */
  get tail(): Position {
    return this.#tail
  }

  /**
   * Adds records. Rule 2: each must follow the one before it. Those before a bad one are kept.
   * @throws MeshError when there is a hole, no event in a record, or more than the credit allows.
   */
  push(records: readonly RawRecord[]): void {
    for (const record of records) {
      const { position, prev, partition, mark, event } = record
      if (!continuesFrom(this.#tail, prev)) {
        const text = `record ${position.sequence} follows ${prev.sequence}, wanted one that follows ${this.#tail.sequence}`
        throw new MeshError('failed_precondition', `take records: ${text}`)
      }
      const scanned = scanEvent(event)
      if (scanned.error !== undefined) {
        const text = `record ${position.sequence} holds no valid event: ${scanned.error.message}`
        throw new MeshError('failed_precondition', `take records: ${text}`)
      }
      const byteLength = recordByteLength(record)
      const { traceparent } = scanned.value
      const id = messageId(scanned.value)
      const headers = encodeHeaders({ messageId: id, origin: { position, prev }, mark })
      this.#records.push({ position, prev, partition, mark, event, byteLength, messageId: id, headers, traceparent })
      this.#count(byteLength)
      this.#tail = position
    }
    if (this.#bytes > this.#bytesMax) {
      const text = `${this.#bytes} bytes wait, wanted at most ${this.#bytesMax}`
      throw new MeshError('resource_exhausted', `take records: ${text}`)
    }
  }

  /** Takes from the front: up to `countMax` records and `bytesMax` bytes, but at least one record if there is any. */
  take(countMax: number, bytesMax: number): ReceivedBatch {
    let bytes = 0
    let length = 0
    for (const { byteLength } of this.#records) {
      if (length === countMax || (length > 0 && bytes + byteLength > bytesMax)) break
      bytes += byteLength
      length += 1
    }
    const records = this.#records.slice(0, length)
    this.#records = this.#records.slice(length)
    this.#count(-bytes)
    return { records, bytes }
  }

  /** Forgets what waits: it will come again. */
  clear(): void {
    this.#records = []
    this.#count(-this.#bytes)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#room?.add(bytes)
  }
}
