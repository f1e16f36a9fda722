import {
  type Egress,
  egressOf,
  encodeRecords,
  MeshError,
  type Position,
  type RawRecord,
  type RelayAction,
  type RelayInput,
  type RelayPlace,
  RelayRun,
  recordByteLength,
  samePosition,
} from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import { Signal } from '../signal.ts'
import type { ServeContext } from './context.ts'
import type { OwnHead } from './own-heads.ts'
import {
  FRAME_BYTES,
  FRAME_RECORDS,
  HEAD_INTERVAL_MS,
  type PullPorts,
  type PullRequest,
  type ServedPull,
} from './pull-request.ts'
import { RelayHead } from './relay-head.ts'
import { RelayLog, type RelayView } from './relay-log.ts'
import { RelayReader } from './relay-reader.ts'
import { encodeHead } from './responses.ts'
import { SkipTeller } from './skip-teller.ts'
import { linkTowards, pathOn } from './towards.ts'
import { UpstreamPull } from './upstream-pull.ts'

/** What an upstream may have on the way at first: holes are small, and what comes behind them is for nothing. */
const HOLE_CREDIT_BYTES = 64 * 1024
const CREDIT_BYTES = 512 * 1024
/** While records come from upstream, this often it is looked whether they are in the local stream by now. */
const RELOCATE_MS = { min: 250, max: 15_000 } as const
/** Local records that a reader rather reads for nothing than begins again. */
const READ_ON_MAX = 5_000
/** The end of an idle log is looked at again after this long: at every tick of an idle pull, which is one in 10 s. */
const TAIL_RETRY_MS = 9_000

type Action = RelayAction<RawRecord>
type Input = RelayInput<RawRecord>

const REFUSALS = {
  diverged: RefusalReason.DIVERGED,
  'retention-gap': RefusalReason.RETENTION_GAP,
  repairing: RefusalReason.CANNOT_TELL,
  'cannot-tell': RefusalReason.CANNOT_TELL,
} as const

const WORDS = {
  diverged: 'the origin has no such record, the logs differ',
  'retention-gap': 'the origin no longer keeps what follows',
  repairing: 'a divergence of the origin is being repaired here',
  'cannot-tell': 'this region cannot place that position or fill a hole, and the origin cannot be reached from here',
} as const

/**
 * One pull of a foreign origin's records: from the local stream, and from further up where that has a hole or cannot
 * place the receiver. What may be done when, `RelayRun` in core decides; this does it.
 *
 * 1. It belongs to one session and one incarnation of the stream (rule 6), as an own pull does.
 * 2. It holds at most one frame, the reader's window and what the upstream was granted, and reads nothing on while the
 *    receiver gives no credit or its stream is blocked.
 * 3. A pull that is handed on is closed with it.
 */
export class RelayPull implements ServedPull {
  readonly request: PullRequest
  readonly #context: ServeContext
  readonly #ports: PullPorts
  readonly #records: RelayLog
  readonly #egress: Egress
  readonly #epoch: number
  readonly #wake = new Signal()
  readonly #skips: SkipTeller
  readonly #head: RelayHead
  #reader: RelayReader | undefined
  #upstream: UpstreamPull | undefined
  #why = ''
  #credit: number
  #blocked = false
  #closed = false
  #emitting = false
  /** What is being sent came from upstream. */
  #fromUpstream = false
  /** The stream as it was when this began. */
  #stream: OwnHead | undefined
  #relocate = { nextMs: 0, waitMs: RELOCATE_MS.min as number }
  #tail: { readonly applied: Position; readonly atMs: number } | undefined
  #tailDue: Position | undefined
  #headToldMs = 0

  constructor(context: ServeContext, request: PullRequest, ports: PullPorts) {
    const { id, topic, origin } = request
    this.request = request
    this.#context = context
    this.#ports = ports
    this.#records = new RelayLog(context.session, context.checkpoints, topic, origin)
    this.#egress = egressOf(topic.document)
    this.#epoch = context.session.epoch
    this.#credit = request.creditBytes
    this.#skips = new SkipTeller(id, ports.send, () => !this.#emitting)
    this.#head = new RelayHead(() => context.originHead?.(topic.key, origin), request.path.at(-1) ?? request.receiver)
  }

  get behind(): boolean {
    return this.#head.behind
  }

  async start(): Promise<void> {
    try {
      this.#stream = await this.#context.heads.read(this.request.topic)
      const run = await this.#begin()
      let action = run.begin()
      while (!this.#closed) {
        if (action.kind === 'refuse') return this.#refuse(action)
        const input = await this.#answer(action, run)
        if (input === undefined) return
        action = run.next(input)
      }
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  grant(bytes: number): void {
    this.#credit += bytes
    this.#wake.notify()
  }

  setBlocked(blocked: boolean): void {
    this.#blocked = blocked
    if (!blocked) this.#wake.notify()
  }

  async tick(): Promise<void> {
    const { heads } = this.#context
    const before = this.#stream
    if (this.#closed || before === undefined) return
    try {
      const { created, leader } = await heads.read(this.request.topic)
      if (this.#closed) return
      if (created !== before.created || leader !== before.leader) {
        return this.#unavailable('the stream has another leader or was made anew')
      }
      await this.#lookAtTail()
      this.#tellHead()
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  applied(position: Position): void {
    this.#upstream?.applied(position)
  }

  interrupt(why: string): void {
    this.#unavailable(why)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#skips.close()
    this.#closeUpstream()
    this.#closeReader()
    this.#wake.notify()
  }

  async #begin(): Promise<RelayRun<RawRecord>> {
    const { position, scanned, skipGap, receiver } = this.request
    const view = await this.#records.view()
    this.#head.onLocal(view.last?.position)
    const passes = this.#egress.isPlain
      ? () => true
      : ({ event }: RawRecord) => {
          if (this.#egress.mayHold(event, receiver)) return true
          this.#ports.onHeld('classification')
          return false
        }
    const further = scanned !== undefined && scanned.sequence > position.sequence ? scanned : undefined
    const place = further === undefined ? undefined : await this.#place(view, further)
    const { segments } = view
    if (place !== undefined) return new RelayRun({ segments, place, position, scanned: further, skipGap, passes })
    const behind = await this.#place(view, position)
    // Whoever cannot place either hands on both.
    const hint = behind === undefined ? further : undefined
    return new RelayRun({ segments, place: behind, position, scanned: hint, skipGap, passes })
  }

  /** An origin that nobody here has heard of is nowhere in the local stream, not even at its start. */
  async #place(view: RelayView, position: Position): Promise<RelayPlace | undefined> {
    const { topic, origin } = this.request
    const { snapshot } = this.#context.registry
    const isKnown =
      view.last !== undefined || snapshot.peers.has(origin) || topic.document.spec.regions.includes(origin)
    return isKnown ? this.#records.place(view, position) : undefined
  }

  /** Does what the run wants; undefined when the pull was closed meanwhile. */
  #answer(action: Exclude<Action, { kind: 'refuse' }>, run: RelayRun<RawRecord>): Promise<Input | undefined> {
    switch (action.kind) {
      case 'read':
        this.#closeUpstream()
        return this.#readLocal(action.after, run)
      case 'emit':
        return this.#emit(action)
      case 'hand-on':
        this.#handOn(action)
        return this.#receive(undefined)
      case 'receive':
        return this.#receive(action.relocate)
    }
  }

  async #readLocal(after: number, run: RelayRun<RawRecord>): Promise<Input | undefined> {
    const reader = this.#readerAt(after)
    // The first head says that the pull is served.
    if (this.#headToldMs === 0) this.#tellHead()
    for (;;) {
      if (this.#closed) return undefined
      if (reader.error !== undefined) throw reader.error
      if (this.#context.session.epoch !== this.#epoch) throw new MeshError('unavailable', 'the connection changed')
      const entries = this.#mayEmit() ? reader.take() : []
      if (entries.length > 0) {
        this.#head.onLocal(entries.at(-1)?.position)
        return { kind: 'local', entries }
      }
      const applied = this.#tailDue
      this.#tailDue = undefined
      if (applied !== undefined && reader.pending === 0 && applied.sequence > run.scanned.sequence) {
        return { kind: 'end', applied }
      }
      await this.#wake.wait()
    }
  }

  #readerAt(after: number): RelayReader {
    // A reader that is not so far yet reads on, unless there is much between: the run passes over it.
    const ahead = this.#reader === undefined ? -1 : after - this.#reader.taken
    if (this.#reader !== undefined && ahead >= 0 && ahead <= READ_ON_MAX) return this.#reader
    this.#closeReader()
    const { session, log } = this.#context
    const onChange = () => this.#wake.notify()
    this.#reader = new RelayReader({
      session,
      log,
      records: this.#records,
      created: this.#stream?.created,
      after,
      onChange,
    })
    return this.#reader
  }

  /** Sends records as far as the receiver's credit goes, and waits for more. */
  async #emit({ events, prev, skipped }: Extract<Action, { kind: 'emit' }>): Promise<Input | undefined> {
    this.#emitting = true
    let before = prev
    for (let from = 0; from < events.length; ) {
      while (!this.#mayEmit()) {
        if (this.#closed) return undefined
        await this.#wake.wait()
      }
      const records: RawRecord[] = []
      let bytes = 0
      while (from < events.length && records.length < FRAME_RECORDS && bytes < FRAME_BYTES && bytes < this.#credit) {
        const event = events[from]
        if (event === undefined) break
        const record = samePosition(event.prev, before) ? event : { ...event, prev: before }
        records.push(record)
        bytes += recordByteLength(record)
        before = record.position
        from++
      }
      this.#sendFrame(records, bytes)
    }
    this.#emitting = false
    this.#fromUpstream = false
    if (skipped !== undefined) this.#skips.skipped(skipped)
    return { kind: 'emitted' }
  }

  #sendFrame(records: readonly RawRecord[], bytes: number): void {
    this.#credit -= bytes
    this.#skips.passed()
    this.#ports.send(encodeRecords(this.request.id, records))
    this.#ports.onServed(records.length)
    if (this.#fromUpstream) this.#upstream?.sent(bytes)
    this.#head.onSent(records.at(-1)?.position)
    if (this.#context.now() - this.#headToldMs >= HEAD_INTERVAL_MS) this.#tellHead()
  }

  #handOn({ position, scanned, skipGap, until }: Extract<Action, { kind: 'hand-on' }>): void {
    this.#closeUpstream()
    this.#relocate = { nextMs: this.#context.now() + RELOCATE_MS.min, waitMs: RELOCATE_MS.min }
    const { topic, origin, path, receiver } = this.request
    const { links, region, log } = this.#context
    const link = linkTowards(links, { topicKey: topic.key, origin, path, receiver, region })
    this.#why = link === undefined ? 'no link leads on' : ''
    if (link === undefined) return
    log.debug({ topic: topic.key, origin, receiver, sequence: position.sequence }, 'pull handed on')
    const creditBytes = until === undefined ? CREDIT_BYTES : HOLE_CREDIT_BYTES
    const on = pathOn({ path, receiver, region })
    this.#upstream = new UpstreamPull({
      link,
      request: { topic: topic.key, origin, position, scanned, skipGap, creditBytes, receiver, path: on },
      onChange: () => this.#wake.notify(),
    })
  }

  async #receive(relocate: Position | undefined): Promise<Input | undefined> {
    for (;;) {
      const upstream = this.#upstream
      if (upstream === undefined) return { kind: 'refused', reason: 'cannot-tell' }
      if (this.#closed) return undefined
      this.#why = upstream.why
      if (this.#head.onUpstream(upstream.head, upstream.waiting)) this.#tellHead()
      // Also while records keep coming; but what ends the pull upstream is heard first.
      const isDue = relocate !== undefined && !upstream.over && this.#context.now() >= this.#relocate.nextMs
      const placed = isDue ? await this.#relocated(relocate) : undefined
      if (this.#closed) return undefined
      if (placed !== undefined && !upstream.over) return placed
      const input = upstream.take()
      if (input !== undefined) {
        this.#fromUpstream = input.kind === 'records'
        return input
      }
      await this.#wake.wait(relocate === undefined ? undefined : this.#relocate.waitMs)
    }
  }

  /** Now and then: whether the local stream has a position that it could not place before. */
  async #relocated(position: Position): Promise<Input | undefined> {
    const waitMs = Math.min(2 * this.#relocate.waitMs, RELOCATE_MS.max)
    this.#relocate = { nextMs: this.#context.now() + waitMs, waitMs }
    const view: RelayView = await this.#records.view()
    const place = await this.#records.place(view, position)
    const { segments } = view
    return place === undefined || segments === undefined ? undefined : { kind: 'placed', position, place, segments }
  }

  /** The newest records of the origin may have been copies here: then nothing in the local stream tells of them. */
  async #lookAtTail(): Promise<void> {
    const nowMs = this.#context.now()
    if (!this.#isIdle() || (this.#tail !== undefined && nowMs - this.#tail.atMs < TAIL_RETRY_MS)) return
    const { last, applied } = await this.#records.end()
    this.#tail = { applied, atMs: nowMs }
    this.#tailDue = applied
    if (this.#isIdle() && this.#mayEmit()) this.#reader?.rest(last)
    this.#wake.notify()
  }

  #isIdle(): boolean {
    return this.#upstream === undefined && this.#reader?.pending === 0
  }

  #mayEmit(): boolean {
    return this.#credit > 0 && !this.#blocked
  }

  #tellHead(): void {
    if (this.#closed) return
    this.#headToldMs = this.#context.now()
    this.#ports.send(encodeHead(this.request.id, this.#head.report(this.#reader?.pending)))
  }

  #closeUpstream(): void {
    this.#upstream?.close()
    this.#upstream = undefined
    this.#head.onUpstream(undefined, 0)
  }

  #closeReader(): void {
    this.#reader?.close()
    this.#reader = undefined
  }

  #refuse({ reason, first }: Extract<Action, { kind: 'refuse' }>): void {
    if (this.#closed) return
    const { topic, origin } = this.request
    const why = this.#why === '' ? '' : ` (${this.#why})`
    const message = `relay ${topic.key} of ${origin}: ${WORDS[reason]}${why}`
    this.#ports.refuse(REFUSALS[reason], message, reason === 'retention-gap' ? first : undefined)
  }

  #unavailable(why: string): void {
    if (this.#closed) return
    const { topic, origin } = this.request
    this.#ports.refuse(RefusalReason.UNAVAILABLE, `relay ${topic.key} of ${origin}: ${why}`)
  }
}
