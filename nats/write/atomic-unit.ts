import { MeshError } from '@landbridge/core'
import type { Msg } from '@nats-io/nats-core'
import { SERVER_ERROR, type ServerErrorBody } from '../server-error.ts'
import type { Pending } from './pending.ts'
import { headerBlock } from './store.ts'
import { isNoResponders, type Repair, readAck, refuse, type Unit, type UnitHost } from './unit.ts'

/** The server's default limit for one atomic batch. */
export const ATOMIC_MESSAGES_MAX = 1_000
/** Keeps a batch of large events from holding everything behind it for long. */
const ATOMIC_BYTES_MAX = 8 * 1024 * 1024

/** Below this, a refused batch is sent singly; above, in parts, so that one repeated event does not slow a thousand. */
const REPAIR_SINGLY_MAX = 24
const REPAIR_PARTS = 4

/** Refusals of a whole batch that say little about its single events. Nothing of the batch is stored. */
const REPAIRABLE: ReadonlySet<number> = new Set([
  SERVER_ERROR.atomicDuplicate,
  SERVER_ERROR.duplicateInProcess,
  SERVER_ERROR.atomicIncomplete,
  SERVER_ERROR.atomicTooLarge,
  SERVER_ERROR.atomicTooManyInFlight,
  SERVER_ERROR.messageTooLarge,
  SERVER_ERROR.headersTooLarge,
  SERVER_ERROR.tooManyRequests,
])

/**
 * An atomic batch: staged at the server while the unit before it is being stored, committed by start().
 *
 * The last message carries the commit and is kept back until then. So a batch never overtakes the one before it,
 * whatever becomes of that one, and yet the wire and the server's staging area are busy all the time.
 */
export class AtomicUnit implements Unit {
  readonly id: string
  readonly #host: UnitHost
  readonly #pendings: Pending[] = []
  #staged = 0
  #bytes = 0
  #committed = false

  constructor(id: string, host: UnitHost) {
    this.id = id
    this.#host = host
  }

  get size(): number {
    return this.#pendings.length
  }

  get isFull(): boolean {
    return this.#pendings.length >= ATOMIC_MESSAGES_MAX || this.#bytes >= ATOMIC_BYTES_MAX
  }

  /** Adds a request and sends the one before it. */
  stage(pending: Pending): void {
    this.#pendings.push(pending)
    this.#bytes += pending.bytes
    if (this.#pendings.length > 1) this.#sendNext(false)
  }

  /** Gives up a batch that was not committed: none of its requests is stored. */
  abandon(): readonly Pending[] {
    return this.#pendings
  }

  start(): void {
    for (const pending of this.#pendings) pending.sent = true
    this.#committed = true
    this.#sendNext(true)
  }

  onReply(_token: string, message: Msg): void {
    if (!this.#committed) return
    if (isNoResponders(message)) {
      const text = `store in ${this.#host.stream}: the stream has no leader at the moment, or is not there`
      const error = new MeshError('unavailable', text, { retryAfterMs: 250 })
      for (const pending of this.#pendings) pending.settle({ kind: 'failed', error })
      this.#host.finished(this)
      return
    }
    const ack = readAck(message)
    if (ack === undefined) return
    if (ack.error !== undefined) this.#refused(ack.error)
    else this.#stored(ack.seq ?? 0, ack.count ?? 0)
  }

  onTick(nowMs: number): void {
    const oldest = this.#pendings[0]
    if (oldest === undefined || nowMs < oldest.deadlineMs) return
    this.#failAll('deadline_exceeded', 'no answer from NATS in time')
  }

  onDisconnect(): void {
    this.#failAll('unavailable', 'the connection to NATS was lost')
  }

  #failAll(code: 'deadline_exceeded' | 'unavailable', text: string): void {
    for (const pending of this.#pendings) pending.fail(code, `store in ${this.#host.stream}: ${text}`)
    this.#host.finished(this)
  }

  /** A batch lies in the stream without gaps, and the reply names its last sequence. */
  #stored(lastSequence: number, count: number): void {
    const first = count === this.#pendings.length ? lastSequence - count + 1 : 0
    for (const [index, pending] of this.#pendings.entries()) {
      pending.settle({ kind: 'stored', sequence: first > 0 ? first + index : 0 })
    }
    this.#host.finished(this)
  }

  #refused(body: ServerErrorBody): void {
    const number = body.err_code ?? 0
    if (number === SERVER_ERROR.atomicDisabled)
      this.#host.batchesRefused(body.description ?? 'atomic publish is disabled')
    else if (!REPAIRABLE.has(number)) {
      refuse(this.#pendings, this.#host.stream, body)
      this.#host.finished(this)
      return
    }
    for (const pending of this.#pendings) pending.sent = false
    this.#host.finished(this, this.#parts(number === SERVER_ERROR.atomicDisabled))
  }

  #parts(singly: boolean): Repair[] {
    const size = this.#pendings.length
    if (singly || size <= REPAIR_SINGLY_MAX) return [{ how: 'single', pendings: this.#pendings }]
    const step = Math.ceil(size / REPAIR_PARTS)
    const parts: Repair[] = []
    for (let from = 0; from < size; from += step) {
      parts.push({ how: 'batch', pendings: this.#pendings.slice(from, from + step) })
    }
    return parts
  }

  #sendNext(commit: boolean): void {
    const pending = this.#pendings[this.#staged]
    if (pending === undefined) return
    this.#staged++
    const lines = `Nats-Batch-Id: ${this.id}\r\nNats-Batch-Sequence: ${this.#staged}\r\n${commit ? 'Nats-Batch-Commit: 1\r\n' : ''}`
    const reply = commit ? `${this.#host.inbox}.${this.id}` : ''
    this.#host.frames.append(
      pending.request.subject,
      reply,
      headerBlock(pending.request, lines),
      pending.request.payload,
    )
  }
}
