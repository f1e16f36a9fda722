import {
  ApplyRun,
  type GapAnswer,
  type GapUpstream,
  MeshError,
  type Position,
  type PullProgress,
  type RepairEnd,
  type RunAction,
  type RunEnd,
  type RunInput,
  sameSession,
} from '@landbridge/core'
import { type PullHead, type PullRefused, RefusalReason } from '@landbridge/proto'
import type { MarkedView } from '../../marked-views.ts'
import type { TopicEntry } from '../../topics.ts'
import type { LinkStream, PullHandle } from '../link/link-stream.ts'
import type { Repairs } from '../repair/repairs.ts'
import { Signal } from '../signal.ts'
import { findOwnCopies } from './copy-check.ts'
import { type HeadReport, LagMeter, type LagReading, reportOf } from './lag-meter.ts'
import type { LocalStream } from './local-stream.ts'
import type { ReceiveRoom } from './receive-room.ts'
import { type PullRecord, ReceivedQueue } from './received.ts'
import type { StartGate } from './start-gate.ts'

/** The server's limit, and a size that keeps one batch well under a second. */
const BATCH_RECORDS_MAX = 1_000
const BATCH_BYTES_MAX = 1024 * 1024
/**
 * So few records are stored one by one, each fenced behind the one before: for every atomic batch, however small, the server makes and syncs files of
 * their own, which takes as long as several single records (measured: 5 to 10 ms on a busy disk, against 0.7 ms).
 */
const SINGLY_MAX = 4
/** One record of the largest size may come beyond the credit. */
const OVERSHOOT_BYTES = 10 * 1024 * 1024
/** How often the incarnation and the leader of our stream are looked at while records come. */
const LOOK_INTERVAL_MS = 1_000
/** Rule 5: from the look for copies until the records are stored at most one batch life passes. */
const CHECK_AGE_MAX_MS = 4_000
/** After so long without a record the position is kept beside the records that told it: retention takes those, too. */
const IDLE_MS = 10_000

/** Why a run is over. */
export type RunOutcome =
  /** By the rules of the run itself; `error` says what failed. */
  | { readonly kind: 'ended'; readonly reason: RunEnd; readonly error?: MeshError | undefined }
  /** This region's store refuses a record for good. */
  | { readonly kind: 'cannot-store'; readonly error: MeshError }
  | { readonly kind: 'refused'; readonly refusal: PullRefused }
  | { readonly kind: 'link-down'; readonly reason: string }
  /** The origin's log differs from ours, and this run repaired it, or tried to. */
  | { readonly kind: 'repair'; readonly reason: RepairEnd; readonly error?: MeshError | undefined }
  /** Nobody keeps what follows: that is written down, and the next run goes on behind it. */
  | { readonly kind: 'gap-recorded'; readonly refusal: PullRefused }

/** What a run reports to its owner. */
export type RunEvents = {
  /** The origin serves this run. */
  onOpen(): void
  onApplied(stored: number, skippedByCheck: number, skippedByServer: number): void
  /** How long it took to check and store one batch. */
  onBatch(seconds: number, records: readonly PullRecord[]): void
}

/** What a run needs. */
export type PullRunOptions = {
  readonly topic: TopicEntry
  readonly origin: string
  /** The region that the link leads to. */
  readonly upstream: string
  /** All regions that may have this origin's events. */
  readonly upstreams: () => readonly GapUpstream[]
  readonly link: LinkStream
  readonly local: LocalStream
  readonly repairs: Repairs
  readonly marked: MarkedView
  readonly creditBytes: number
  readonly room: ReceiveRoom
  /** The topic's window now. */
  readonly duplicateWindowMs: () => number
  readonly events: RunEvents
  readonly gate: StartGate
  readonly signal: AbortSignal
  readonly now: () => number
}

/**
 * One run of a pull: reads the position from the data, asks the origin for what follows, applies it. Receiving goes on
 * while a batch is being stored, as far as the credit reaches. What may be done when, `ApplyRun` in core decides; this
 * does it.
 */
export class PullRun {
  readonly #options: PullRunOptions
  readonly #wake = new Signal()
  #queue: ReceivedQueue | undefined
  #lag: LagMeter | undefined
  #handle: PullHandle | undefined
  /** Set when nothing more will come; what was received is still applied. */
  #over: RunOutcome | undefined
  #batchBytes = 0
  #batchOldestStamp: bigint | undefined
  #floorAt = 0
  #lookedAt = 0
  #error: MeshError | undefined
  /** The store's refusal that no later attempt will change. */
  #refused: MeshError | undefined
  #headHeard = false
  #repairing = false
  /** Aborted when the run ends for a reason that a repair must not outlive. */
  readonly #ending = new AbortController()
  /** The run knows that nothing comes: no timer until something has come again. */
  #hasIdled = true
  /** What the last look for copies found was so then (`performance.now()`). */
  #checkedAt = 0
  #acts = 0
  #heads = 0
  #position: Position | undefined

  constructor(options: PullRunOptions) {
    this.#options = options
  }

  /** True while the origin serves this run. */
  get open(): boolean {
    return this.#headHeard && this.#over === undefined
  }

  /** True once the origin has said where its end is, also when the run is over. */
  get everOpen(): boolean {
    return this.#headHeard
  }

  /** True while the origin is being repaired: nothing of it is applied meanwhile. */
  get repairing(): boolean {
    return this.#repairing
  }

  /** Lag now; undefined before the position is known. */
  lag(): LagReading | undefined {
    const oldest = this.#batchOldestStamp ?? this.#queue?.oldestStamp
    return this.#lag?.read(oldest, this.#options.link.peerNowMs, this.#options.now())
  }

  /** The origin's end as the upstream last told it; undefined while none does. */
  get head(): HeadReport | undefined {
    return this.open ? this.#lag?.report(this.#options.now()) : undefined
  }

  /** The origin's last record that is here; undefined before it was read. */
  get position(): Position | undefined {
    return this.#position
  }

  /** What it has done so far. */
  get progress(): PullProgress {
    const counts = this.#lag?.counts ?? { received: 0, applied: 0, unsent: 0 }
    return { open: this.#headHeard, ...counts, acts: this.#acts, signs: this.#heads + this.#options.link.beats }
  }

  /** Runs until it is over. Never rejects. */
  async run(): Promise<RunOutcome> {
    const { link, local, signal, creditBytes, gate, repairs } = this.#options
    const { topic, origin } = this.#options
    signal.addEventListener('abort', this.#abort, { once: true })
    try {
      const opening = await gate.pass(async () => {
        await repairs.learnGaps(this.#at)
        return local.opening()
      }, this.#ending.signal)
      this.#floorAt = performance.now()
      this.#lookedAt = this.#floorAt
      if (signal.aborted) return { kind: 'ended', reason: 'stopped' }
      if (opening.last?.control === 'branch') return await this.#repair()
      const run = new ApplyRun<PullRecord>({ ...opening, batchRecordsMax: BATCH_RECORDS_MAX })
      const { position, skipGap } = run
      this.#position = position
      this.#queue = new ReceivedQueue(position, creditBytes + OVERSHOOT_BYTES, this.#options.room)
      this.#lag = new LagMeter(position)
      this.#prefetchMarked()
      this.#handle = link.open({ topic: topic.key, origin, position, creditBytes, skipGap }, this.#listener())
      const reason = await this.#drive(run)
      if (reason === 'failed' && this.#refused !== undefined) return { kind: 'cannot-store', error: this.#refused }
      if (reason === 'stopped' && this.#over !== undefined) return await this.#settle(this.#over, run.position)
      return { kind: 'ended', reason, error: this.#error }
    } catch (thrown) {
      if (this.#ending.signal.aborted && this.#over !== undefined) return this.#over
      return { kind: 'ended', reason: 'failed', error: MeshError.from(thrown) }
    } finally {
      signal.removeEventListener('abort', this.#abort)
      this.#queue?.clear()
      this.#handle?.close()
    }
  }

  /** What a refusal says may be for this region to act upon: in this very run, because the answer belongs to it. */
  async #settle(over: RunOutcome, position: Position): Promise<RunOutcome> {
    const { repairs, upstream, upstreams } = this.#options
    if (over.kind !== 'refused') return over
    const { refusal } = over
    if (refusal.reason === RefusalReason.DIVERGED) {
      this.#over = undefined
      return this.#repair()
    }
    const answer = gapAnswerOf(refusal)
    if (answer === undefined) return over
    const outcome = await repairs.answered(this.#at, { region: upstream, answer, position }, upstreams())
    if (outcome.kind === 'failed') return { kind: 'ended', reason: 'failed', error: outcome.error }
    return outcome.kind === 'recorded' ? { kind: 'gap-recorded', refusal } : over
  }

  async #repair(): Promise<RunOutcome> {
    const { repairs, link } = this.#options
    this.#handle?.close()
    this.#repairing = true
    const onAct = () => {
      this.#acts += 1
    }
    const { reason, error } = await repairs.repair({ ...this.#at, link, onAct })
    this.#repairing = false
    return this.#over ?? { kind: 'repair', reason, error }
  }

  get #at() {
    const { topic, origin, local } = this.#options
    return { topic, origin, local, signal: this.#ending.signal }
  }

  /** The server session changed: whatever is in hand is abandoned (rule 6). */
  readonly sessionChanged = (): void => this.#finish({ kind: 'ended', reason: 'session-changed' })

  readonly #abort = (): void => this.#finish({ kind: 'ended', reason: 'stopped' })

  #listener() {
    return {
      onRecords: (records: Parameters<ReceivedQueue['push']>[0]) => {
        const queue = this.#queue
        if (queue === undefined || this.#over !== undefined) return
        const before = queue.count
        try {
          queue.push(records)
        } catch (thrown) {
          this.#error = MeshError.from(thrown)
          this.#finish({ kind: 'ended', reason: 'hole', error: this.#error })
        }
        this.#lag?.onReceived(queue.count - before, queue.tail)
        this.#wake.notify()
      },
      onHead: (message: PullHead) => {
        if (!this.#headHeard) this.#options.events.onOpen()
        this.#headHeard = true
        this.#heads += 1
        this.#lag?.onHead(reportOf(message), this.#options.now())
      },
      onRefused: (refusal: PullRefused) => this.#finish({ kind: 'refused', refusal }),
      onDown: (reason: string) => this.#finish({ kind: 'link-down', reason }),
    }
  }

  #finish(outcome: RunOutcome): void {
    this.#over ??= outcome
    if (outcome.kind === 'ended') this.#ending.abort()
    this.#wake.notify()
  }

  async #drive(run: ApplyRun<PullRecord>): Promise<RunEnd> {
    const { local } = this.#options
    let action = run.begin()
    let batchStart = 0
    let batch: readonly PullRecord[] | undefined = []
    while (action.kind !== 'end') {
      if (action.kind === 'receive') {
        if (batch !== undefined && batch.length > 0) this.#applied(run, batch, batchStart)
        batch = await this.#receive()
        batchStart = performance.now()
      }
      action = run.next(await this.#answer(action, batch), local.identity)
    }
    return action.reason
  }

  async #answer(
    action: RunAction<PullRecord>,
    batch: readonly PullRecord[] | undefined,
  ): Promise<RunInput<PullRecord>> {
    const { local } = this.#options
    try {
      switch (action.kind) {
        case 'receive':
          return batch === undefined ? { kind: 'stop', reason: 'stopped' } : { kind: 'records', records: batch }
        case 'check':
          return await this.#check(action.records, action.thorough)
        case 'send':
          return await this.#send(action)
        case 'read-last': {
          const last = await local.last()
          this.#floorAt = performance.now()
          this.#prefetchMarked()
          return { kind: 'last', last }
        }
        case 'read-end': {
          const last = await local.last()
          return { kind: 'end', last, end: await local.end() }
        }
        case 'write-checkpoint':
          await local.writeCheckpoint(action.checkpoint)
          return { kind: 'checkpointed' }
        case 'end':
          return { kind: 'stop', reason: 'stopped' }
      }
    } catch (thrown) {
      if (this.#options.signal.aborted) return { kind: 'stop', reason: 'stopped' }
      this.#error = MeshError.from(thrown)
      return { kind: 'stop', reason: 'failed' }
    }
  }

  /** The next records; none when nothing came for a while after some had come; undefined when nothing more will. */
  async #receive(): Promise<readonly PullRecord[] | undefined> {
    const queue = this.#queue
    if (queue === undefined) return undefined
    while (queue.count === 0 && this.#over === undefined) {
      const isIdle = await this.#wake.wait(this.#hasIdled ? undefined : IDLE_MS)
      if (!isIdle) continue
      this.#hasIdled = true
      return []
    }
    const abandoned = this.#over?.kind === 'ended' && this.#over.reason !== 'hole'
    if (abandoned || queue.count === 0) return undefined
    this.#hasIdled = false
    const { records, bytes } = queue.take(queue.count <= SINGLY_MAX ? 1 : BATCH_RECORDS_MAX, BATCH_BYTES_MAX)
    this.#batchBytes = bytes
    this.#batchOldestStamp = records[0]?.position.stamp
    return records
  }

  async #check(records: readonly PullRecord[], thorough: boolean): Promise<RunInput<PullRecord>> {
    const { marked, origin, local, now, signal } = this.#options
    if (performance.now() - this.#lookedAt >= LOOK_INTERVAL_MS) {
      this.#lookedAt = performance.now()
      await local.look()
    }
    const duplicateWindowMs = this.#options.duplicateWindowMs()
    const context = { marked, origin, duplicateWindowMs, floorAt: this.#floorAt, thorough, now, signal }
    const { copies, checkedAt } = await findOwnCopies(records, context)
    this.#checkedAt = checkedAt
    const skipped = copies.filter(Boolean).length
    if (skipped > 0) this.#options.events.onApplied(0, skipped, 0)
    return { kind: 'checked', copies }
  }

  async #send({ records, fence, session }: RunAction<PullRecord> & { kind: 'send' }): Promise<RunInput<PullRecord>> {
    // Between the decision and now the connection may have been lost and made again; the run then ends by itself.
    if (!sameSession(session, this.#options.local.identity)) return { kind: 'sent', result: { kind: 'failed' } }
    // A process that stood still since has not seen the copies that came meanwhile, and the server may have forgotten them.
    if (performance.now() - this.#checkedAt > CHECK_AGE_MAX_MS) return { kind: 'sent', result: { kind: 'failed' } }
    const { error, ...result } = await this.#options.local.store(records, fence)
    if (error !== undefined) this.#error = error
    if (error?.code === 'invalid_argument' || error?.code === 'failed_precondition') this.#refused = error
    if (result.kind === 'stored') this.#options.events.onApplied(records.length, 0, 0)
    else if (result.kind === 'duplicate' && records.length === 1) this.#options.events.onApplied(0, 0, 1)
    return { kind: 'sent', result }
  }

  #applied(run: ApplyRun<PullRecord>, batch: readonly PullRecord[], startedAt: number): void {
    this.#position = run.position
    this.#lag?.onApplied(batch.length, run.position)
    this.#batchOldestStamp = undefined
    this.#handle?.applied(run.position)
    this.#handle?.grant(this.#batchBytes)
    this.#options.events.onBatch((performance.now() - startedAt) / 1_000, batch)
  }

  /** Asked while nobody waits for it, so that the next batch need not. */
  #prefetchMarked(): void {
    this.#options.marked.see(this.#floorAt).catch(() => undefined)
  }
}

/** What a refusal says about whether the upstream has what follows; undefined when it says nothing. */
function gapAnswerOf({ reason }: PullRefused): GapAnswer | undefined {
  switch (reason) {
    case RefusalReason.RETENTION_GAP:
      return 'gap'
    case RefusalReason.CANNOT_TELL:
    case RefusalReason.UNKNOWN_TOPIC:
    case RefusalReason.NOT_ALLOWED:
      return 'cannot-serve'
    default:
      return undefined
  }
}
