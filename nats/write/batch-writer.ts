import { MeshError, Queue } from '@landbridge/core'
import { createInbox, type Msg, type Subscription } from '@nats-io/nats-core'
import { type Log, silentLog } from '../log.ts'
import { FrameWriter } from '../outbound.ts'
import type { NatsSession } from '../session.ts'
import { AtomicUnit } from './atomic-unit.ts'
import { Lane } from './lane.ts'
import type { BatchWriterOptions } from './options.ts'
import { Ledger, Pending, StoreCall } from './pending.ts'
import { SingleUnit } from './single-unit.ts'
import { refuseTooLarge, requestBytes, type StoreRequest, type StoreResult, type WriteMode } from './store.ts'
import type { Repair, Unit, UnitHost } from './unit.ts'

const TICK_MS = 50
const TIMEOUT_MAX_MS = 10_000
/** Up to here plain messages are faster than a batch, which costs the server files and a sync of its own. */
const SINGLY_MAX = 4
const SINGLE_UNIT_MAX = 512
/** From here on it pays to stage the next batch while one is being stored. */
const STAGE_FROM = 32
/** The server stages at most 50 batches for all writers of a stream. */
const STAGED_BATCHES_MAX = 3
const BEHIND = 'an event before it was not stored, send both again'

/**
 * Writes events to one stream, many callers' events in one atomic batch, with one replica or several.
 *
 * JetStream's fast batches are no faster here, and they acknowledge a repeat of an event whose first copy is not
 * committed yet: if the leader is lost then, an acknowledged event is. Nor do they tell sequences and repeats.
 *
 * 1. Requests are stored in the order of the calls and of the requests within a call; what fails leaves the order of
 *    the others as it is. A request that was reported as failed is never sent again by the writer.
 * 2. A result 'stored' or 'duplicate' means that the server has it on disk, or on a quorum's disks.
 * 3. `error.ambiguous` is false only when the event is certainly not stored by this attempt.
 * 4. A lone request goes out at once; batches grow with the load, up to 1,000.
 * 5. Memory is bounded by messagesInFlightMax and bytesInFlightMax plus one call.
 * 6. Once a request of a lane failed for a reason that may pass, no request of that lane that was not sent by then is
 *    stored: it fails as 'unavailable', not ambiguous. Only single messages that were sent together (up to 4; where the
 *    stream takes no batches, up to 512) can overtake each other, when the server refuses one and takes the next.
 */
export class BatchWriter implements AsyncDisposable {
  readonly #session: NatsSession
  readonly #log: Log
  readonly #host: UnitHost
  readonly #ledger: Ledger
  readonly #timeoutMs: number
  readonly #subscription: Subscription
  readonly #unsubscribe: () => void
  readonly #queue = new Queue<Pending>()
  readonly #staged: AtomicUnit[] = []
  readonly #repairs: Repair[] = []
  readonly #lanes = new WeakMap<object, Lane>()
  /** Runs while anything is accepted and not answered. */
  #timer: NodeJS.Timeout | undefined
  #laneBroke = false
  #mode: WriteMode
  #current: Unit | undefined
  #unitCount = 0
  #pumpScheduled = false
  #closing: Promise<void> | undefined

  constructor(options: BatchWriterOptions) {
    this.#session = options.session
    this.#log = options.log ?? silentLog
    this.#timeoutMs = Math.min(options.timeoutMs ?? 5_000, TIMEOUT_MAX_MS)
    this.#ledger = new Ledger(options.messagesInFlightMax ?? 16_384, options.bytesInFlightMax ?? 64 * 1024 * 1024)
    this.#mode = options.mode ?? 'atomic'
    const inbox = createInbox()
    this.#host = {
      stream: options.stream,
      inbox,
      frames: new FrameWriter(options.session.connection),
      finished: (unit, repairs) => this.#finished(unit, repairs),
      batchesRefused: (reason) => this.#writeSingly(reason),
    }
    this.#checkServer()
    this.#subscription = options.session.connection.subscribe(`${inbox}.>`, {
      callback: (error, message) => {
        if (error === null) this.#onReply(message)
      },
    })
    this.#unsubscribe = options.session.onChange(({ connected }) => {
      if (connected) this.#checkServer()
      else this.#onDisconnect()
      this.#schedulePump()
    })
  }

  /** How it writes in fact, after looking at the server. */
  get mode(): WriteMode {
    return this.#mode
  }

  /** Accepted and not answered. */
  get pressure(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#ledger.messages, bytes: this.#ledger.bytes }
  }

  /**
   * One result a request, in their order. Never rejects.
   * @param lane Whose order it is that a failure must not change: the same object for all calls that keep it.
   */
  store(requests: readonly StoreRequest[], lane?: object): Promise<readonly StoreResult[]> {
    if (requests.length === 0) return Promise.resolve([])
    const call = new StoreCall(requests.length, lane === undefined ? undefined : this.#laneOf(lane))
    const refusal = this.#refusal(call.lane)
    if (refusal !== undefined) {
      for (const index of requests.keys()) call.settle(index, { kind: 'failed', error: refusal })
      return call.done
    }
    const deadlineMs = performance.now() + this.#timeoutMs
    for (const [index, request] of requests.entries()) {
      const bytes = requestBytes(request)
      if (bytes > this.#session.maxPayloadBytes)
        call.settle(index, refuseTooLarge(bytes, this.#session.maxPayloadBytes))
      else this.#queue.push(new Pending(request, deadlineMs, call, index, this.#ledger))
    }
    if (this.#ledger.messages > 0) this.#timer ??= setInterval(() => this.#onTick(), TICK_MS).unref()
    this.#schedulePump()
    return call.done
  }

  /** Takes no more, waits for what is in flight (at most timeoutMs). Joins a close in progress. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #drain(): Promise<void> {
    this.#pump()
    await this.#ledger.whenEmpty()
    clearInterval(this.#timer)
    this.#unsubscribe()
    this.#subscription.unsubscribe()
  }

  #laneOf(key: object): Lane {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = new Lane(() => {
        this.#laneBroke = true
        this.#schedulePump()
      })
      this.#lanes.set(key, lane)
    }
    return lane
  }

  #refusal(lane: Lane | undefined): MeshError | undefined {
    const action = `store in ${this.#host.stream}`
    if (lane?.broken === true) return new MeshError('unavailable', `${action}: ${BEHIND}`, { retryAfterMs: 250 })
    if (this.#closing !== undefined) return new MeshError('unavailable', `${action}: the writer is closed`)
    if (this.#ledger.hasRoom) return undefined
    const { messages, bytes } = this.#ledger
    const message = `${action}: ${messages} events (${bytes} bytes) wait already, try again later`
    return new MeshError('resource_exhausted', message, { retryAfterMs: 100 })
  }

  #checkServer(): void {
    // Between two connections nobody tells the version; the next one is looked at.
    if (!this.#session.connected) return
    if (this.#mode === 'atomic' && !this.#session.serverIsAtLeast(2, 12)) this.#writeSingly('nats-server < 2.12')
  }

  #writeSingly(reason: string): void {
    if (this.#mode === 'single') return
    this.#log.warn({ stream: this.#host.stream, mode: this.#mode, reason }, 'batches are not available: writing singly')
    this.#mode = 'single'
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return
    this.#pumpScheduled = true
    queueMicrotask(() => {
      this.#pumpScheduled = false
      this.#pump()
    })
  }

  /** Keeps one unit in flight, and under load the next ones staged behind it. */
  #pump(): void {
    // Not only by the timer: a process that was stopped may hear answers before its timers run, and what it held
    // meanwhile must not be stored: who sent it gave up and has it stored elsewhere.
    this.#dropLate(performance.now())
    if (this.#laneBroke) this.#dropBehind()
    if (!this.#session.connected) return
    for (;;) {
      if (this.#current === undefined) {
        this.#current = this.#next()
        this.#current?.start()
      }
      if (this.#current !== undefined && this.#mode === 'atomic') this.#stageAhead()
      if (this.#current !== undefined || !this.#hasWork()) break
    }
    this.#host.frames.flush()
  }

  /** Fails what is behind a failure of its lane. */
  #dropBehind(): void {
    this.#laneBroke = false
    if (this.#staged.some((unit) => unit.abandon().some(({ overtakes }) => overtakes))) this.#unstage()
    for (const { pendings } of this.#repairs) for (const pending of pendings) this.#dropIfBehind(pending)
    this.#queue.remove((pending) => this.#dropIfBehind(pending))
  }

  #dropIfBehind(pending: Pending): boolean {
    if (pending.overtakes) pending.fail('unavailable', `store in ${this.#host.stream}: ${BEHIND}`)
    return pending.settled
  }

  /** Staged batches are not committed: what they hold goes back to the queue. */
  #unstage(): void {
    this.#queue.pushFront(this.#staged.splice(0).flatMap((unit) => unit.abandon()))
  }

  #hasWork(): boolean {
    return this.#repairs.length > 0 || this.#staged.length > 0 || this.#queue.length > 0
  }

  #next(): Unit | undefined {
    const repair = this.#repairs.shift()
    if (repair !== undefined) return this.#repairUnit(repair)
    const staged = this.#staged.shift()
    if (staged !== undefined) return staged
    if (this.#queue.length === 0) return undefined
    if (this.#mode === 'single') return this.#singleUnit(SINGLE_UNIT_MAX)
    if (this.#queue.length <= SINGLY_MAX) return this.#singleUnit(SINGLY_MAX)
    return this.#fill(new AtomicUnit(this.#unitId(), this.#host))
  }

  #repairUnit(repair: Repair): Unit {
    const open = repair.pendings.filter((pending) => !pending.settled)
    if (repair.how === 'single' || open.length <= SINGLY_MAX || this.#mode === 'single') {
      if (open.length > SINGLE_UNIT_MAX) {
        this.#repairs.unshift({ how: 'single', pendings: open.slice(SINGLE_UNIT_MAX) })
      }
      return new SingleUnit(this.#unitId(), open.slice(0, SINGLE_UNIT_MAX), this.#host)
    }
    const unit = new AtomicUnit(this.#unitId(), this.#host)
    for (const pending of open) unit.stage(pending)
    return unit
  }

  #singleUnit(max: number): Unit {
    const pendings: Pending[] = []
    while (pendings.length < max) {
      const pending = this.#queue.shift()
      if (pending === undefined) break
      pendings.push(pending)
    }
    return new SingleUnit(this.#unitId(), pendings, this.#host)
  }

  #fill(unit: AtomicUnit): AtomicUnit {
    while (!unit.isFull) {
      const pending = this.#queue.shift()
      if (pending === undefined) break
      if (!pending.settled) unit.stage(pending)
    }
    return unit
  }

  #stageAhead(): void {
    const last = this.#staged[this.#staged.length - 1]
    if (last !== undefined) this.#fill(last)
    while (this.#staged.length < STAGED_BATCHES_MAX && this.#queue.length >= STAGE_FROM) {
      this.#staged.push(this.#fill(new AtomicUnit(this.#unitId(), this.#host)))
    }
  }

  /** One token of a subject, unique over all writers, at most 64 characters: it is the batch's id too. */
  #unitId(): string {
    this.#unitCount++
    return `${this.#host.inbox.slice(this.#host.inbox.lastIndexOf('.') + 1)}-${this.#unitCount.toString(36)}`
  }

  #finished(unit: Unit, repairs: readonly Repair[] = []): void {
    if (this.#current !== unit) return
    this.#current = undefined
    this.#repairs.unshift(...repairs)
    this.#schedulePump()
  }

  #onReply(message: Msg): void {
    const unit = this.#current
    if (unit === undefined) return
    const token = message.subject.slice(this.#host.inbox.length + 1)
    // A reply to a unit that is over, for example after its deadline, says nothing that anybody waits for.
    if (!token.startsWith(unit.id)) return
    if (token.length === unit.id.length) unit.onReply('', message)
    else if (token[unit.id.length] === '.') unit.onReply(token.slice(unit.id.length + 1), message)
    this.#schedulePump()
  }

  #onDisconnect(): void {
    this.#host.frames.discard()
    this.#current?.onDisconnect()
    this.#unstage()
  }

  #onTick(): void {
    if (this.#ledger.messages === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    this.#current?.onTick(performance.now())
    this.#schedulePump()
  }

  /** Fails what is too old to be sent. */
  #dropLate(nowMs: number): void {
    const oldest = this.#staged[0]?.abandon()[0]
    if (oldest !== undefined && nowMs >= oldest.deadlineMs) this.#unstage()
    for (const repair of this.#repairs) for (const pending of repair.pendings) this.#expire(pending, nowMs)
    for (let head = this.#queue.peek(); head !== undefined; head = this.#queue.peek()) {
      if (!this.#expire(head, nowMs)) break
      this.#queue.shift()
    }
  }

  #expire(pending: Pending, nowMs: number): boolean {
    if (nowMs < pending.deadlineMs) return pending.settled
    pending.fail('deadline_exceeded', `store in ${this.#host.stream}: it could not be sent to NATS in time`)
    return true
  }
}
