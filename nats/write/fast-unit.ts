import { MeshError } from '@landbridge/core'
import type { Msg } from '@nats-io/nats-core'
import { SERVER_ERROR, ServerError } from '../server-error.ts'
import type { Pending } from './pending.ts'
import type { Queue } from './queue.ts'
import { headerBlock } from './store.ts'
import { type Ack, isNoResponders, type Repair, readAck, type Unit, type UnitHost } from './unit.ts'

/** Most messages for one flow acknowledgement; the server may choose fewer. */
const FLOW_MESSAGES = 200
/** Sent and not acknowledged, at most: keeps the server's queue short and a broken batch cheap to repair. */
const WINDOW_MESSAGES = 2_000
/** Without news for this long, ask what the server has. */
const SILENCE_MS = 500

const OPERATION = { start: 0, append: 1, commitWithoutMessage: 3 } as const

/**
 * A fast batch: each message is stored as it comes, in order, and the batch ends at the first that is not.
 *
 * It stays open while requests keep coming (`feed`), and is committed as soon as no flow acknowledgement is due that
 * would cover what is outstanding. Acknowledgements may be lost; a repeated commit makes the server say how far it
 * came, also after a change of leader. The order holds because the next unit starts when that is known.
 */
export class FastUnit implements Unit {
  readonly id: string
  readonly #host: UnitHost
  readonly #pendings: Pending[] = []
  /** How many of #pendings are known to be stored, from the front. */
  #stored = 0
  #flowSequence = 0
  #flowMessages = FLOW_MESSAGES
  #unreceived = 0
  #closing = false
  #probed = false
  #newsMs = Date.now()

  constructor(id: string, host: UnitHost) {
    this.id = id
    this.#host = host
  }

  start(): void {
    // The writer feeds it right after.
  }

  /** Sends what may be sent of `queue`, and commits when nothing more is coming. */
  feed(queue: Queue<Pending>): void {
    if (this.#closing) return
    while (this.#pendings.length - this.#stored < WINDOW_MESSAGES) {
      const next = queue.peek()
      if (next === undefined || next.request.retry === true) break
      queue.shift()
      if (!next.settled) this.#send(next)
    }
    const flowDue = this.#pendings.length >= this.#flowSequence + this.#flowMessages
    if (this.#pendings.length === 0) this.#host.finished(this)
    else if (!flowDue) this.#commit()
  }

  onReply(token: string, message: Msg): void {
    const [, , sequenceText = '', operationText = ''] = token.split('.')
    const sequence = Number.parseInt(sequenceText, 10)
    if (isNoResponders(message)) {
      this.#onNoResponders(Number.parseInt(operationText, 10))
      return
    }
    const ack = readAck(message)
    if (ack === undefined) return
    this.#newsMs = Date.now()
    if (ack.type === 'ack') this.#onFlow(ack)
    else if (ack.type === 'gap') this.#closing = true
    else if (ack.type === 'err') this.#onRefusedMessage(ack.seq ?? 0, ack)
    else if (ack.error !== undefined) this.#onRefused(sequence, Number.parseInt(operationText, 10), ack.error)
    else this.#onCommitted(ack)
  }

  onTick(nowMs: number): void {
    const text = `store in ${this.#host.stream}: no answer from NATS in time`
    let open = false
    for (let index = this.#stored; index < this.#pendings.length; index++) {
      const pending = this.#pendings[index]
      if (pending === undefined || pending.settled) continue
      if (nowMs >= pending.deadlineMs) pending.fail('deadline_exceeded', text)
      else open = true
    }
    if (!open) this.#host.finished(this)
    else if (nowMs - this.#newsMs >= SILENCE_MS) this.#commit()
  }

  onDisconnect(): void {
    for (const pending of this.#pendings) {
      pending.fail('unavailable', `store in ${this.#host.stream}: the connection to NATS was lost`)
    }
    this.#host.finished(this)
  }

  #send(pending: Pending): void {
    this.#pendings.push(pending)
    pending.sent = true
    const sequence = this.#pendings.length
    const operation = sequence === 1 ? OPERATION.start : OPERATION.append
    const { subject, payload } = pending.request
    this.#host.frames.append(subject, this.#reply(sequence, operation), headerBlock(pending.request), payload)
  }

  /** Ends the batch, or asks again how it ended: the server answers with what it has. */
  #commit(): void {
    this.#probed = this.#closing
    this.#closing = true
    this.#newsMs = Date.now()
    const last = this.#pendings[this.#pendings.length - 1]
    if (last === undefined) return
    const reply = this.#reply(this.#pendings.length + 1, OPERATION.commitWithoutMessage)
    this.#host.frames.append(last.request.subject, reply, 'NATS/1.0\r\n\r\n', new Uint8Array(0))
    this.#host.frames.flush()
  }

  #reply(sequence: number, operation: number): string {
    return `${this.#host.inbox}.${this.id}.${FLOW_MESSAGES}.fail.${sequence}.${operation}.$FI`
  }

  #onFlow(ack: Ack): void {
    this.#flowSequence = Math.max(this.#flowSequence, ack.seq ?? 0)
    this.#flowMessages = Math.max(1, ack.msgs ?? FLOW_MESSAGES)
    this.#settleUpTo(ack.seq ?? 0)
  }

  #settleUpTo(count: number): void {
    for (; this.#stored < Math.min(count, this.#pendings.length); this.#stored++) {
      this.#pendings[this.#stored]?.settle({ kind: 'stored', sequence: 0 })
    }
  }

  /** The server keeps what came before this message, drops what follows, and acknowledges next. */
  #onRefusedMessage(sequence: number, ack: Ack): void {
    this.#closing = true
    if (ack.error === undefined) return
    const error = new ServerError(`store in ${this.#host.stream}`, ack.error)
    this.#pendings[sequence - 1]?.settle({ kind: 'failed', error })
  }

  #onRefused(sequence: number, operation: number, body: NonNullable<Ack['error']>): void {
    const number = body.err_code ?? 0
    const first = this.#pendings[0]
    if (operation === OPERATION.start && first !== undefined && number !== SERVER_ERROR.tooManyRequests) {
      this.#refusedAtStart(first, number, body)
    } else if (number === SERVER_ERROR.fastUnknownBatch || operation === OPERATION.commitWithoutMessage) {
      // Nobody can tell any more how far it came: message ids will.
      this.#finish({ how: 'single', pendings: this.#open() })
    } else if (sequence > 0) {
      this.#closing = true
    }
  }

  #refusedAtStart(first: Pending, number: number, body: NonNullable<Ack['error']>): void {
    const unsupported = number === SERVER_ERROR.fastDisabled
    const crowded = number === SERVER_ERROR.fastTooManyInFlight
    if (unsupported) this.#host.batchesRefused(body.description ?? 'batch publish is disabled')
    if (!unsupported && !crowded) {
      first.settle({ kind: 'failed', error: new ServerError(`store in ${this.#host.stream}`, body) })
    }
    const open = this.#open()
    for (const pending of open) pending.sent = false
    this.#finish({ how: unsupported || crowded ? 'single' : 'batch', pendings: open })
  }

  #onNoResponders(operation: number): void {
    this.#closing = true
    if (operation === OPERATION.commitWithoutMessage) return
    this.#unreceived++
    if (this.#unreceived < this.#pendings.length || this.#stored > 0) return
    const text = `store in ${this.#host.stream}: the stream has no leader at the moment, or is not there`
    const error = new MeshError('unavailable', text, { retryAfterMs: 250 })
    for (const pending of this.#pendings) pending.settle({ kind: 'failed', error })
    this.#host.finished(this)
  }

  /** The batch has ended after `count` messages, and none of the others is stored. */
  #onCommitted(ack: Ack): void {
    const count = ack.count ?? 0
    this.#settleUpTo(count)
    const open = this.#open()
    for (const pending of open) pending.sent = false
    // Without any progress the next batch would fare no better; single messages tell what is wrong.
    this.#finish({ how: count === 0 || this.#probed ? 'single' : 'batch', pendings: open })
  }

  #open(): readonly Pending[] {
    return this.#pendings.filter((pending) => !pending.settled)
  }

  #finish(repair: Repair): void {
    this.#host.finished(this, repair.pendings.length > 0 ? [repair] : [])
  }
}
