import {
  type Egress,
  egressOf,
  encodeRecords,
  isControlSubject,
  MeshError,
  originFilter,
  type Position,
  parseHeaders,
  parseSubject,
  type RawRecord,
  type RetryMark,
  recordByteLength,
  START,
} from '@landbridge/core'
import type { NatsSession, StoredMessage } from '@landbridge/nats'
import { RefusalReason } from '@landbridge/proto'
import type { Log } from '../../telemetry/index.ts'
import { MarkerQueue, type Stands } from './marker-queue.ts'
import { markerIn } from './markers.ts'
import type { OwnHead, OwnHeads } from './own-heads.ts'
import { placeInStream } from './place.ts'
import {
  FRAME_BYTES,
  FRAME_RECORDS,
  HEAD_INTERVAL_MS,
  type PullPorts,
  type PullRequest,
  type ServedPull,
  WINDOW_BYTES,
} from './pull-request.ts'
import { encodeHead } from './responses.ts'
import { RetentionWatch } from './retention-watch.ts'
import { SkipTeller } from './skip-teller.ts'
import { SleepingReader } from './sleeping-reader.ts'

/** A reader that lags behind the head for this many ticks without a record is taken for stuck. */
const STUCK_TICKS = 3

/** What an own pull needs. */
export type OwnPullOptions = PullRequest &
  PullPorts & {
    /** This region. */
    readonly region: string
    readonly session: NatsSession
    readonly heads: OwnHeads
    readonly log: Log
    readonly now: () => number
  }

/**
 * One pull of this region's own records behind a position, in stream order.
 *
 * 1. Nothing is served until the position was found by sequence and stamp; each record names the one that passed before.
 * 2. It belongs to one session and one incarnation of the stream (rule 6). When either changes it ends with
 *    UNAVAILABLE, and the peer asks again from what it has: a server that came back shorter is noticed that way.
 * 3. What retention removed before it was read is a gap, never skipped.
 * 4. What may not leave for the receiver stays here, and is told as looked at. A marker goes out as the event that it
 *    stands for.
 * 5. It holds at most one frame and the reader's window; without credit or while the stream is blocked it reads nothing.
 */
export class OwnPull implements ServedPull {
  readonly request: PullRequest
  readonly #options: OwnPullOptions
  readonly #egress: Egress
  readonly #epoch: number
  readonly #retention: RetentionWatch
  readonly #skips: SkipTeller
  #reader: SleepingReader | undefined
  #closed = false
  #credit: number
  #blocked = false
  #records: RawRecord[] = []
  #bytes = 0
  #flushing: NodeJS.Immediate | undefined
  /** A question to the stream must be answered before anything is sent, or read. */
  #checking = false
  /** Markers whose events are being read, and what came behind them. */
  readonly #queue: MarkerQueue
  /** The record that was read last. */
  #looked: Position
  /** The record that passed last: the next one follows it. */
  #passed: Position
  /** The record that was sent last. */
  #sent: Position
  #pending: number | undefined
  #head: OwnHead | undefined
  #headTold: { readonly sequence: number; readonly pending: number } | undefined
  #headToldMs = 0
  #stuckTicks = 0

  constructor(options: OwnPullOptions) {
    const { id, topic, position } = options
    this.request = options
    this.#options = options
    this.#egress = egressOf(topic.document)
    this.#epoch = options.session.epoch
    this.#credit = options.creditBytes
    this.#looked = position
    this.#passed = position
    this.#sent = position
    this.#retention = new RetentionWatch({ ...options, retention: topic.document.spec.retention })
    this.#queue = new MarkerQueue({
      session: options.session,
      topic,
      mayUse: () => this.#credit > 0 && !this.#blocked,
      use: (message, stands) => this.#use(message, stands),
      onRoom: () => this.#steer(),
      onFailed: (why) => this.#unavailable(why),
    })
    this.#skips = new SkipTeller(
      id,
      options.send,
      () => this.#records.length === 0 && !this.#checking && !this.#retention.inDoubt,
    )
  }

  get behind(): boolean {
    return this.#headTold?.pending !== 0 || this.#headTold.sequence !== this.#looked.sequence
  }

  async start(): Promise<void> {
    try {
      const { placement, from, looked, head } = await placeInStream(this.#options)
      if (this.#closed) return
      this.#head = head
      if (placement !== 'serve') return this.#refusePlacement(placement, head)
      this.#options.onPlaced()
      this.#looked = looked
      this.#pending = head.position.sequence >= from ? undefined : 0
      this.#tellHead()
      this.#read(from)
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  grant(bytes: number): void {
    this.#credit += bytes
    this.#queue.wake()
    this.#steer()
  }

  setBlocked(blocked: boolean): void {
    this.#blocked = blocked
    this.#queue.wake()
    this.#steer()
  }

  async tick(): Promise<void> {
    if (this.#closed || this.#head === undefined) return
    try {
      const head = await this.#options.heads.read(this.request.topic)
      if (this.#closed) return
      if (head.created !== this.#head.created || head.leader !== this.#head.leader) {
        return this.#unavailable('the stream has another leader or was made anew')
      }
      this.#head = head
      this.#watchReader(head)
      this.#tellHead()
      this.#rest(head)
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  applied(): void {
    // The stream that carries the pull keeps positions of own records.
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearImmediate(this.#flushing)
    this.#skips.close()
    this.#queue.close()
    this.#records = []
    this.#reader?.close()
  }

  interrupt(why: string): void {
    this.#unavailable(why)
  }

  #read(from: number): void {
    const { session, region, topic, log } = this.#options
    this.#reader = new SleepingReader({
      session,
      stream: topic.stream,
      created: this.#head?.created,
      filter: originFilter(topic.document.name, region),
      from,
      windowBytes: WINDOW_BYTES,
      onMessage: (message) => this.#take(message),
      onEnd: (error) => this.#unavailable(error?.message ?? 'the reader ended'),
      log,
    })
    this.#steer()
  }

  #take(message: StoredMessage): void {
    if (this.#closed) return
    if (this.#options.session.epoch !== this.#epoch) {
      this.#unavailable('the connection to NATS changed')
      return
    }
    const marker = isControlSubject(message.subject) ? markerIn(message) : undefined
    if (marker === undefined && this.#queue.empty) {
      this.#use(message, undefined)
      return
    }
    this.#queue.push(message, marker)
    if (this.#queue.full) this.#steer()
  }

  #use(message: StoredMessage, stands: Stands | undefined): void {
    const position = { sequence: message.sequence, stamp: message.stampNs }
    this.#retention.follow(this.#looked, position)
    this.#looked = position
    this.#pending = message.pending
    this.#stuckTicks = 0
    const subject = parseSubject(message.subject).value
    if (subject?.control === true) {
      const event = stands?.event
      if (stands === undefined) this.#passOver(position, 'is no marker')
      else if (event === undefined) this.#passOver(position, 'stands for an event that is no longer kept')
      else this.#offer(position, event.partition, stands.mark, event.payload)
      return
    }
    const headers = parseHeaders((name) => message.header(name))
    if (subject?.partition === undefined || headers.error !== undefined) {
      const why = headers.error?.message ?? `record ${message.sequence} is no event`
      this.#unavailable(why)
      return
    }
    this.#offer(position, subject.partition, headers.value.mark, message.payload)
  }

  /** Sends an event of this region's log on its way, if it may leave. */
  #offer(position: Position, partition: number, mark: RetryMark | undefined, payload: Uint8Array): void {
    const event = this.#egress.isPlain ? payload : this.#egress.leave(payload, this.request.receiver)
    if (typeof event === 'string') {
      this.#options.onHeld(event)
      this.#skip(position)
      return
    }
    const record: RawRecord = { position, prev: this.#passed, partition, mark, event }
    const byteLength = recordByteLength(record)
    this.#records.push(record)
    this.#bytes += byteLength
    this.#credit -= byteLength
    this.#passed = position
    if (this.#credit <= 0) this.#steer()
    if (this.#bytes >= FRAME_BYTES || this.#records.length >= FRAME_RECORDS) this.#flush()
    // Behind whatever else came with the same chunk of bytes: one frame for all of it, without a wait.
    else this.#flushing ??= setImmediate(() => this.#flush())
  }

  #passOver(position: Position, why: string): void {
    const { log, topic } = this.#options
    log.debug({ topic: topic.key, sequence: position.sequence }, `control record ${why}: it is passed over`)
    this.#skip(position)
  }

  #skip(position: Position): void {
    this.#skips.skipped(position)
    // Not over what retention may have taken unread.
    if (this.#retention.inDoubt) this.#flushing ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    if (this.#closed || this.#checking) return
    if (this.#retention.inDoubt) {
      void this.#settleDoubt()
      return
    }
    if (this.#records.length === 0) return
    const records = this.#records
    this.#records = []
    this.#bytes = 0
    this.#sent = records.at(-1)?.position ?? this.#sent
    if (this.#looked.sequence === this.#sent.sequence) this.#skips.passed()
    this.#options.send(encodeRecords(this.request.id, records))
    this.#options.onServed(records.length)
    if (this.#options.now() - this.#headToldMs >= HEAD_INTERVAL_MS) this.#tellHead()
  }

  /** Between two records there were others that retention may have removed unread: asks before sending. */
  async #settleDoubt(): Promise<void> {
    this.#checking = true
    this.#steer()
    try {
      const gap = await this.#retention.settle()
      if (this.#closed) return
      if (gap !== undefined) return this.#gap(gap)
      this.#checking = false
      this.#steer()
      this.#flush()
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  #tellHead(): void {
    const head = this.#head
    if (head === undefined) return
    const position = this.#looked.sequence > head.position.sequence ? this.#looked : head.position
    // The reader's own count is exact; before its first record only the distance is known, which is never too small.
    const unread = this.#pending ?? position.sequence - this.#looked.sequence
    const pending = Math.max(unread, position.sequence > this.#looked.sequence ? 1 : 0) + this.#records.length
    this.#headToldMs = this.#options.now()
    this.#headTold = { sequence: position.sequence, pending }
    // What was read beyond the head was stored after it: then nobody knows when the stream ended there.
    const timeMs = position === head.position ? head.serverTimeMs : undefined
    this.#options.send(encodeHead(this.request.id, { position, pending, timeMs }))
  }

  /** A reader that stands still while the origin goes on would make the lag look like none. */
  #watchReader(head: OwnHead): void {
    // What waits for events of markers stands still with a reason, and ends by itself when they cannot be read.
    const mayUse = this.#credit > 0 && !this.#blocked && this.#queue.empty
    const idle = mayUse && head.position.sequence > this.#looked.sequence
    this.#stuckTicks = idle ? this.#stuckTicks + 1 : 0
    if (this.#stuckTicks >= STUCK_TICKS) this.#unavailable('the reader stands still behind the head of the stream')
  }

  /** Lets the reader sleep while there is nothing to read, and wakes it if it overslept. */
  #rest(head: OwnHead): void {
    if (head.position.sequence > this.#looked.sequence) this.#reader?.wake()
    else if (!this.behind) this.#reader?.rest()
  }

  #steer(): void {
    const reader = this.#reader
    if (reader === undefined || this.#closed) return
    const full = this.#checking && this.#bytes >= FRAME_BYTES
    const stop = this.#credit <= 0 || this.#blocked || this.#queue.full || full
    if (stop && !reader.paused) reader.pause()
    else if (!stop && reader.paused) reader.resume()
  }

  #refusePlacement(placement: 'diverged' | 'retention-gap', head: OwnHead): void {
    const { position, topic, refuse } = this.#options
    if (placement === 'retention-gap') {
      this.#gap(head.firstSequence)
      return
    }
    const { sequence, stamp } = position
    const message = `serve ${topic.key}: there is no record ${sequence} stored at ${stamp}, the logs differ`
    refuse(RefusalReason.DIVERGED, message)
  }

  #gap(firstSequence: number): void {
    const message = `serve ${this.request.topic.key}: records behind ${this.#sent.sequence} are no longer kept, the oldest kept sequence is ${firstSequence}`
    this.#options.refuse(RefusalReason.RETENTION_GAP, message, { ...START, sequence: firstSequence })
  }

  #unavailable(why: string): void {
    if (this.#closed) return
    this.#options.refuse(RefusalReason.UNAVAILABLE, `serve ${this.request.topic.key}: ${why}`)
  }
}
