import { MeshError } from '@landbridge/core'
import type { Msg } from '@nats-io/nats-core'
import { SERVER_ERROR, ServerError } from '../server-error.ts'
import type { Pending } from './pending.ts'
import { headerBlock } from './store.ts'
import { isNoResponders, readAck, type Unit, type UnitHost } from './unit.ts'

/** How long to wait before asking again after an event whose first copy is still being stored. */
const IN_PROCESS_DELAY_MS = 50

/** Sends its requests as plain messages, all at once; each reply tells what became of one of them. */
export class SingleUnit implements Unit {
  readonly id: string
  readonly #host: UnitHost
  readonly #pendings: readonly Pending[]
  readonly #again = new Map<number, number>()
  #left: number

  constructor(id: string, pendings: readonly Pending[], host: UnitHost) {
    this.id = id
    this.#pendings = pendings
    this.#host = host
    this.#left = pendings.length
  }

  start(): void {
    for (let index = 0; index < this.#pendings.length; index++) this.#send(index)
    if (this.#left === 0) this.#host.finished(this)
  }

  onReply(token: string, message: Msg): void {
    const index = Number.parseInt(token, 10)
    const pending = this.#pendings[index]
    if (pending === undefined || pending.settled) return
    if (isNoResponders(message)) {
      const text = `store in ${this.#host.stream}: the stream has no leader at the moment, or is not there`
      const ambiguous = this.#again.has(index)
      pending.settle({ kind: 'failed', error: new MeshError('unavailable', text, { ambiguous, retryAfterMs: 250 }) })
      this.#settled()
      return
    }
    const ack = readAck(message)
    if (ack === undefined) return
    if (ack.error?.err_code === SERVER_ERROR.duplicateInProcess) {
      this.#again.set(index, performance.now() + IN_PROCESS_DELAY_MS)
      return
    }
    if (ack.error !== undefined) {
      pending.settle({ kind: 'failed', error: new ServerError(`store in ${this.#host.stream}`, ack.error) })
    } else {
      pending.settle({ kind: ack.duplicate === true ? 'duplicate' : 'stored', sequence: ack.seq ?? 0 })
    }
    this.#settled()
  }

  onTick(nowMs: number): void {
    for (const [index, pending] of this.#pendings.entries()) {
      if (pending.settled) continue
      const again = this.#again.get(index)
      if (nowMs >= pending.deadlineMs) {
        pending.fail('deadline_exceeded', `store in ${this.#host.stream}: no answer from NATS in time`)
        if (this.#settled()) return
      } else if (again !== undefined && nowMs >= again) {
        this.#again.set(index, Number.POSITIVE_INFINITY)
        this.#send(index)
      }
    }
    this.#host.frames.flush()
  }

  onDisconnect(): void {
    for (const pending of this.#pendings) {
      pending.fail('unavailable', `store in ${this.#host.stream}: the connection to NATS was lost`)
    }
    this.#host.finished(this)
  }

  #send(index: number): void {
    const pending = this.#pendings[index]
    if (pending === undefined) return
    if (pending.settled) {
      this.#left--
      return
    }
    pending.sent = true
    const { subject, payload } = pending.request
    const reply = `${this.#host.inbox}.${this.id}.${index}`
    this.#host.frames.append(subject, reply, headerBlock(pending.request), payload)
  }

  /** Returns whether that was the last one. */
  #settled(): boolean {
    this.#left--
    if (this.#left === 0) this.#host.finished(this)
    return this.#left === 0
  }
}
