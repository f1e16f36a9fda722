import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { MeshError, type Principal, type RawPublishBatch, readPublishStreamRequest } from '@landbridge/core'
import { mayPass } from '@landbridge/nats'
import type { Allowance } from '../auth/index.ts'
import { bytesOf, type EventResult, encodeBatchAck, once } from '../publish/index.ts'
import type { Log, Metrics } from '../telemetry/index.ts'
import type { TopicRegistry } from '../topics.ts'
import { type CallContext, callContextOf, principalOf } from './call-context.ts'
import type { OpenCalls } from './open-calls.ts'
import { type PublishTools, retryOf } from './publish.ts'
import { shownError, statusOf } from './status.ts'
import { StreamGuard } from './stream-guard.ts'

/** What a publish stream needs. */
export type PublishStreamTools = PublishTools & {
  readonly registry: TopicRegistry
  readonly calls: OpenCalls
  readonly metrics: Pick<Metrics, 'quotaWaits'>
  readonly log: Log
  /** Batches of one stream being stored. */
  readonly streamBatchesMax: number
}

/** A batch whose topic is filled in, and the bytes of its events. */
type Batch = RawPublishBatch & {
  readonly size: number
  /** When its sender has waited as long as it is to wait for its quota, by `performance.now()`. */
  readonly patienceEndsAtMs: number
  /** Every batch before it was acknowledged, or failed, when this resolves. */
  readonly before: Promise<void>
  /** It was acknowledged, or failed. */
  readonly settled: Promise<void>
  readonly settle: () => void
}

type Call = ServerDuplexStream<Buffer, Buffer>

/** Topics that one stream's rights are watched for. */
const TOPICS_WATCHED_MAX = 256
/** How long after it was sent a batch waits for its quota: well within the time that clients wait for an answer. */
const QUOTA_PATIENCE_MS = 1_500
/** While a batch waits, its policies are looked at this often: they may change. */
const QUOTA_LOOK_MS = 500
/** When to come again after a failure that does not say so itself, in ms. */
const RETRY_MS = 250

/** `EventService.PublishStream`, on encoded messages. */
export function publishStream(tools: PublishStreamTools): (call: Call) => void {
  return (call) => {
    try {
      new PublishStream(tools, call, callContextOf(call.metadata))
    } catch (error) {
      call.emit('error', statusOf(error, tools.log, call.getPath()))
    }
  }
}

/**
 * One publish stream. Guarantees:
 * 1. Batches reach the writer in the order in which they were sent.
 * 2. Every batch that was read is acknowledged before the stream ends, whyever it ends (unless the client is gone).
 * 3. At most `streamBatchesMax` batches are in flight, and all streams together stay within the budget: beyond that
 *    nothing is read, and HTTP/2 flow control stops the client. The same while the client does not read its acks.
 * 4. After the first event that could not be stored for now, no batch that was not in flight is stored, and the stream
 *    ends: what the client sends again over the next stream is stored in its order.
 * 5. Batches that are handed to another region go one after the other, each when all before it are settled, and none
 *    behind them is stored meanwhile: what fails there is not overtaken by what this region stores.
 * 6. What is above a quota waits, and nothing more is read meanwhile. Only when it would take too long the stream ends,
 *    with the time to wait.
 */
class PublishStream {
  readonly #tools: PublishStreamTools
  readonly #call: Call
  readonly #context: CallContext
  readonly #principal: Principal
  readonly #guard: StreamGuard
  readonly #gone = new AbortController()
  readonly #topics = new Set<string>()
  #topic = ''
  #inFlight = 0
  /** The end of the queue of batches that wait; undefined when none does. */
  #turn: Promise<void> | undefined
  /** Every batch that came is settled. */
  #last: Promise<void> = Promise.resolve()
  /** Whose order the writer keeps; a new one once a failure was made good by another region. */
  #lane: object = {}
  #clogged = false
  /** Set once an event was not stored that may be stored later. */
  #failure: MeshError | undefined
  #ending: { readonly error: MeshError | undefined } | undefined
  #finished = false

  constructor(tools: PublishStreamTools, call: Call, context: CallContext) {
    this.#tools = tools
    this.#call = call
    this.#context = context
    this.#principal = principalOf(context)
    this.#guard = new StreamGuard({
      context,
      registry: tools.registry,
      draining: tools.calls.draining,
      now: tools.now,
      check: () => this.#lostRight(),
      onEnd: (error) => this.#end(error),
    })
    call.on('data', (bytes: Buffer) => this.#receive(bytes))
    call.on('end', () => this.#end(undefined))
    call.on('drain', () => this.#unclog())
    call.on('cancelled', () => this.#leave())
    call.on('close', () => this.#leave())
  }

  #receive(bytes: Buffer): void {
    // What arrives after the end was decided is not acknowledged: the client sends it again elsewhere.
    if (this.#ending !== undefined) return
    const request = readPublishStreamRequest(bytes)
    if (request.error !== undefined) {
      this.#end(request.error)
      return
    }
    if (request.value.events.length === 0) {
      this.#end(new MeshError('invalid_argument', 'publish: a batch has no event, wanted 1 to 1,000'))
      return
    }
    if (request.value.topic !== '') this.#topic = request.value.topic
    const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
    const { value } = request
    const size = bytesOf(value.events)
    const patienceEndsAtMs = performance.now() + QUOTA_PATIENCE_MS - this.#sentAgoMs(value.sentMs)
    const batch = { ...value, topic: this.#topic, size, patienceEndsAtMs, before: this.#last, settled, settle }
    this.#last = Promise.all([this.#last, settled]).then(() => undefined)
    this.#inFlight += 1
    const first = this.#turn === undefined && batch.retry === undefined
    const allowance = first ? this.#allowanceOf(batch) : undefined
    const atOnce = first && (allowance === undefined || allowance.waitMs === 0)
    if (atOnce && this.#tools.budget.tryTake(batch.size, batch.events.length)) {
      allowance?.take(batch.events.length, batch.size)
      void this.#run(batch)
    } else this.#runInTurn(batch)
    this.#steer()
  }

  #allowanceOf({ topic }: Batch): Allowance | undefined {
    return this.#tools.access.allowance(topic, this.#principal, 'publish')
  }

  #sentAgoMs(sentMs: number | undefined): number {
    return sentMs === undefined ? 0 : Math.max(0, this.#tools.now() - sentMs)
  }

  /** For a batch that must wait: for room, or for the copy check of a retry. None behind it may overtake. */
  #runInTurn(batch: Batch): void {
    const before = this.#turn ?? Promise.resolve()
    const turn = before
      .then(() => this.#takeAndRun(batch))
      .finally(() => {
        if (this.#turn !== turn) return
        this.#turn = undefined
        this.#steer()
      })
    this.#turn = turn
  }

  async #takeAndRun(batch: Batch): Promise<void> {
    try {
      await this.#takeOfQuota(batch)
      await this.#tools.budget.takeWhenRoom(batch.size, batch.events.length, this.#gone.signal)
    } catch (thrown) {
      // Unless the client is gone: then nobody waits for an answer.
      if (!this.#gone.signal.aborted) this.#refuse(batch, MeshError.from(thrown))
      this.#leaveFlight(batch)
      return
    }
    const done = this.#run(batch)
    if (batch.retry !== undefined) await done
  }

  /** Waits until the quota has room. @throws MeshError 'resource_exhausted' when that would take too long */
  async #takeOfQuota(batch: Batch): Promise<void> {
    // After a failure nothing is stored, and nobody has to wait to hear so.
    for (let waited = false; this.#failure === undefined; waited = true) {
      const allowance = this.#allowanceOf(batch)
      const waitMs = allowance?.waitMs ?? 0
      if (waitMs === 0) {
        allowance?.take(batch.events.length, batch.size)
        return
      }
      const { access, metrics } = this.#tools
      if (allowance !== undefined && performance.now() + waitMs > batch.patienceEndsAtMs)
        throw access.exhausted(allowance)
      if (!waited) metrics.quotaWaits.inc({ operation: 'publish' })
      await sleep(Math.min(waitMs, QUOTA_LOOK_MS), undefined, { signal: this.#gone.signal })
    }
  }

  /** Stores a batch for which room was taken, and acknowledges it. Reaches the writer before it returns. */
  async #run(batch: Batch): Promise<void> {
    const giveBack = once(() => this.#tools.budget.giveBack(batch.size, batch.events.length))
    try {
      this.#answer(batch, await this.#store(batch, giveBack))
    } catch (thrown) {
      this.#refuse(batch, thrown)
    } finally {
      giveBack()
      this.#leaveFlight(batch)
    }
  }

  #refuse(batch: Batch, thrown: unknown): void {
    this.#answer(batch, failed(shownError(thrown, this.#tools.log, this.#context.path), batch))
  }

  #answer(batch: Batch, results: readonly EventResult[]): void {
    this.#acknowledge(batch, results)
    this.#endAfter(results)
  }

  #leaveFlight(batch: Batch): void {
    batch.settle()
    this.#inFlight -= 1
    this.#steer()
    this.#finishWhenIdle()
  }

  async #store(batch: Batch, giveBack: () => void): Promise<readonly EventResult[]> {
    if (this.#failure !== undefined) throw this.#failure
    const { access, publisher, publishTimeoutMs } = this.#tools
    const { topic } = access.topic(batch.topic, this.#principal, 'publish')
    if (this.#topics.size < TOPICS_WATCHED_MAX) this.#topics.add(batch.topic)
    return publisher.publish({
      topic,
      events: batch.events,
      principal: this.#principal,
      retry: retryOf(batch.retry),
      sentMs: batch.sentMs,
      lane: this.#lane,
      deadlineAtMs: performance.now() + publishTimeoutMs,
      mayForward: true,
      together: true,
      beforeForward: () => this.#standBack(batch),
      onStored: giveBack,
    })
  }

  /** A batch goes to another region: when everything before it is settled, and before anything behind it. */
  async #standBack(batch: Batch): Promise<void> {
    const before = this.#turn ?? Promise.resolve()
    const turn = Promise.all([before, batch.settled])
      .then(() => undefined)
      .finally(() => {
        if (this.#turn !== turn) return
        this.#turn = undefined
        this.#steer()
      })
    this.#turn = turn
    this.#steer()
    await batch.before
    if (this.#failure !== undefined) throw this.#failure
    this.#lane = {}
  }

  /** Ends the stream when something was not stored that may be later: what is behind it must not overtake it. */
  #endAfter(results: readonly EventResult[]): void {
    if (this.#failure !== undefined) return
    for (const result of results) {
      if (result.kind !== 'failed' || !mayPass(result.error)) continue
      const code = result.error.code === 'resource_exhausted' ? 'resource_exhausted' : 'unavailable'
      const text = 'publish: events were not stored, send again what was not acknowledged'
      this.#failure = new MeshError(code, text, { retryAfterMs: result.error.retryAfterMs ?? RETRY_MS })
      this.#end(this.#failure)
      return
    }
  }

  #acknowledge(batch: Batch, results: readonly EventResult[]): void {
    if (this.#finished) return
    const { region, now } = this.#tools
    this.#clogged = !this.#call.write(encodeBatchAck(batch.batchId, { region, nowMs: now() }, results))
  }

  #unclog(): void {
    this.#clogged = false
    this.#steer()
  }

  #steer(): void {
    const stop = this.#turn !== undefined || this.#clogged || this.#inFlight >= this.#tools.streamBatchesMax
    if (stop) this.#context.call.closeGate()
    else this.#context.call.openGate()
  }

  #lostRight(): MeshError | undefined {
    for (const topicKey of this.#topics) {
      const refusal = this.#tools.access.refusal(topicKey, this.#principal, 'publish')
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  #end(error: MeshError | undefined): void {
    this.#ending ??= { error }
    this.#finishWhenIdle()
  }

  #finishWhenIdle(): void {
    if (this.#ending === undefined || this.#inFlight > 0 || this.#finished) return
    this.#finished = true
    this.#guard.close()
    const { error } = this.#ending
    if (error === undefined) this.#call.end()
    else this.#call.emit('error', statusOf(error, this.#tools.log, this.#context.path))
  }

  #leave(): void {
    this.#finished = true
    this.#ending ??= { error: undefined }
    this.#guard.close()
    this.#gone.abort(new MeshError('cancelled', 'publish: the client is gone'))
  }
}

function failed(error: MeshError, batch: Batch): readonly EventResult[] {
  return batch.events.map(() => ({ kind: 'failed', error }))
}
