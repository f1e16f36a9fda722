import {
  encodeRecords,
  MeshError,
  originFilter,
  type Position,
  parseHeaders,
  parseSubject,
  type RawRecord,
  recordByteLength,
} from '@landbridge/core'
import { type NatsSession, type StoredMessage, StreamReader } from '@landbridge/nats'
import { RefusalReason } from '@landbridge/proto'
import type { Log } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'
import type { OwnHead, OwnHeads } from './own-heads.ts'
import { placeInStream } from './place.ts'
import { encodeHead } from './responses.ts'
import { RetentionWatch } from './retention-watch.ts'

/** Frames leave at this size or count at the latest; when the stream is idle, at once. */
const FRAME_BYTES = 256 * 1024
const FRAME_RECORDS = 500
/** What a paused pull may hold; there is one reader a (topic, peer). */
const WINDOW_BYTES = 1024 * 1024
/** While records flow the head is told at most this often. */
const HEAD_INTERVAL_MS = 100
/** A reader that lags behind the head for this many ticks without a record is taken for stuck. */
const STUCK_TICKS = 3

/** What a served pull needs. */
export type ServedPullOptions = {
  readonly id: number
  readonly topic: TopicEntry
  /** This region: the only origin it serves. */
  readonly region: string
  readonly position: Position
  readonly creditBytes: number
  readonly session: NatsSession
  readonly heads: OwnHeads
  readonly log: Log
  readonly now: () => number
  /** Sends a frame to the peer. */
  send(frame: Buffer): void
  /** The position was found in our log: the receiver has everything up to there. Called at most once. */
  onPlaced(): void
  /** Called after each frame of records. */
  onServed(records: number): void
  /** Tells the peer that the pull is over, and why. Called at most once; the pull is closed then. */
  refuse(reason: RefusalReason, message: string, first?: Position): void
}

/**
 * One pull of another region: this region's own records behind a position, in stream order.
 *
 * 1. Nothing is served until the position was found by sequence and stamp; each record names the one before it.
 * 2. It belongs to one session and one incarnation of the stream (rule 6). When either changes it ends with
 *    UNAVAILABLE, and the peer asks again from what it has: a server that came back shorter is noticed that way.
 * 3. What retention removed before it was read is a gap, never skipped.
 * 4. It holds at most one frame and the reader's window; without credit or while the stream is blocked it reads nothing.
 */
export class ServedPull {
  readonly id: number
  readonly topic: TopicEntry
  readonly #options: ServedPullOptions
  readonly #epoch: number
  readonly #retention: RetentionWatch
  #reader: StreamReader | undefined
  #closed = false
  #credit: number
  #blocked = false
  #records: RawRecord[] = []
  #bytes = 0
  #flushing: NodeJS.Immediate | undefined
  #checking = false
  /** The record that was read last: the next one follows it. */
  #prev: Position
  /** The record that was sent last. */
  #sent: Position
  #pending: number | undefined
  #head: OwnHead | undefined
  #headTold: { readonly sequence: number; readonly pending: number } | undefined
  #headToldMs = 0
  #stuckTicks = 0

  constructor(options: ServedPullOptions) {
    this.#options = options
    this.id = options.id
    this.topic = options.topic
    this.#epoch = options.session.epoch
    this.#credit = options.creditBytes
    this.#prev = options.position
    this.#sent = options.position
    this.#retention = new RetentionWatch({ ...options, retention: options.topic.document.spec.retention })
  }

  /** True until the peer was told that it has all there is. */
  get behind(): boolean {
    return this.#headTold?.pending !== 0 || this.#headTold.sequence !== this.#prev.sequence
  }

  /** Places the position, tells the head and begins to read. Never rejects. */
  async start(): Promise<void> {
    const { session, heads, region, topic, position } = this.#options
    try {
      const { placement, head } = await placeInStream({ session, heads, region, topic, position })
      if (this.#closed) return
      this.#head = head
      if (placement !== 'serve') return this.#refusePlacement(placement, head)
      this.#options.onPlaced()
      this.#pending = head.position.sequence > position.sequence ? undefined : 0
      this.#tellHead()
      this.#read()
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  /** More bytes of records. */
  grant(bytes: number): void {
    this.#credit += bytes
    this.#steer()
  }

  /** The stream that carries the pull takes nothing now, or takes frames again. */
  setBlocked(blocked: boolean): void {
    this.#blocked = blocked
    this.#steer()
  }

  /** Once a second while behind, now and then otherwise: tells the head from the stream itself, not from the reader. */
  async tick(): Promise<void> {
    if (this.#closed || this.#head === undefined) return
    try {
      const head = await this.#options.heads.read(this.topic)
      if (this.#closed) return
      if (head.created !== this.#head.created || head.leader !== this.#head.leader) {
        return this.#unavailable('the stream has another leader or was made anew')
      }
      this.#head = head
      this.#watchReader(head)
      this.#tellHead()
    } catch (cause) {
      this.#unavailable(MeshError.from(cause).message)
    }
  }

  /** Ends it without a word to the peer. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearImmediate(this.#flushing)
    this.#records = []
    void this.#reader?.close().catch((err: unknown) => {
      this.#options.log.warn({ err, topic: this.topic.key }, 'closing the reader of a pull failed')
    })
  }

  /** Ends it: the peer may ask again. */
  interrupt(message: string): void {
    this.#unavailable(message)
  }

  #read(): void {
    const { session, region, topic, position, log } = this.#options
    this.#reader = new StreamReader({
      session,
      stream: topic.stream,
      filters: [originFilter(topic.document.name, region)],
      start: { sequence: position.sequence + 1 },
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
    const subject = parseSubject(message.subject).value
    const headers = parseHeaders((name) => message.header(name))
    if (subject?.partition === undefined || headers.error !== undefined) {
      const why = headers.error?.message ?? `record ${message.sequence} is no event`
      this.#options.refuse(RefusalReason.UNAVAILABLE, `serve ${this.topic.key}: ${why}`)
      return
    }
    const position = { sequence: message.sequence, stamp: message.stampNs }
    this.#retention.follow(this.#prev, position)
    const record: RawRecord = {
      position,
      prev: this.#prev,
      partition: subject.partition,
      mark: headers.value.mark,
      event: message.payload,
    }
    const byteLength = recordByteLength(record)
    this.#records.push(record)
    this.#bytes += byteLength
    this.#credit -= byteLength
    this.#prev = position
    this.#pending = message.pending
    this.#stuckTicks = 0
    if (this.#credit <= 0) this.#steer()
    if (this.#bytes >= FRAME_BYTES || this.#records.length >= FRAME_RECORDS) this.#flush()
    // Behind whatever else came with the same chunk of bytes: one frame for all of it, without a wait.
    else this.#flushing ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    if (this.#closed || this.#records.length === 0 || this.#checking) return
    if (this.#retention.inDoubt) {
      void this.#settleDoubt()
      return
    }
    const records = this.#records
    this.#records = []
    this.#bytes = 0
    this.#sent = records.at(-1)?.position ?? this.#sent
    this.#options.send(encodeRecords(this.id, records))
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
    const position = this.#prev.sequence > head.position.sequence ? this.#prev : head.position
    // The reader's own count is exact; before its first record only the distance is known, which is never too small.
    const unread = this.#pending ?? position.sequence - this.#prev.sequence
    const pending = Math.max(unread, position.sequence > this.#prev.sequence ? 1 : 0) + this.#records.length
    this.#headToldMs = this.#options.now()
    if (pending === 0 && this.#headTold?.pending === 0 && this.#headTold.sequence === position.sequence) return
    this.#headTold = { sequence: position.sequence, pending }
    this.#options.send(encodeHead(this.id, position, pending))
  }

  /** A reader that stands still while the origin goes on would make the lag look like none. */
  #watchReader(head: OwnHead): void {
    const idle = this.#credit > 0 && !this.#blocked && head.position.sequence > this.#prev.sequence
    this.#stuckTicks = idle ? this.#stuckTicks + 1 : 0
    if (this.#stuckTicks >= STUCK_TICKS) this.#unavailable('the reader stands still behind the head of the stream')
  }

  #steer(): void {
    const reader = this.#reader
    if (reader === undefined || this.#closed) return
    const stop = this.#credit <= 0 || this.#blocked || (this.#checking && this.#bytes >= FRAME_BYTES)
    if (stop && !reader.paused) reader.pause()
    else if (!stop && reader.paused) reader.resume()
  }

  #refusePlacement(placement: 'diverged' | 'retention-gap', head: OwnHead): void {
    const { sequence, stamp } = this.#options.position
    if (placement === 'retention-gap') {
      this.#gap(head.firstSequence)
      return
    }
    const message = `serve ${this.topic.key}: there is no record ${sequence} stored at ${stamp}, the logs differ`
    this.#options.refuse(RefusalReason.DIVERGED, message)
  }

  #gap(firstSequence: number): void {
    const message = `serve ${this.topic.key}: records behind ${this.#sent.sequence} are no longer kept, the oldest kept sequence is ${firstSequence}`
    this.#options.refuse(RefusalReason.RETENTION_GAP, message, { sequence: firstSequence, stamp: 0n })
  }

  #unavailable(why: string): void {
    if (this.#closed) return
    this.#options.refuse(RefusalReason.UNAVAILABLE, `serve ${this.topic.key}: ${why}`)
  }
}
