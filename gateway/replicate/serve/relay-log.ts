import {
  type BendRecord,
  controlSubject,
  type LiveSegment,
  type LocalRecord,
  liveSegments,
  MeshError,
  originFilter,
  type Position,
  parseControl,
  parseHeaders,
  parseSubject,
  placeInLog,
  type RawRecord,
  type RelayEntry,
  type RelayPlace,
  resolvePosition,
  START,
} from '@landbridge/core'
import {
  type CheckpointBucket,
  lastRecord,
  type NatsSession,
  nextRecord,
  readRange,
  recordAt,
  type StoredMessage,
  streamStatus,
} from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import { localRecord } from '../pull/local-record.ts'

/** Far above what repairs leave behind; beyond it a relay does not try. */
const CONTROLS_MAX = 10_000

/** What a relay reads of a foreign origin before it serves. */
export type RelayView = {
  /** Undefined while the origin is in repair here. */
  readonly segments: readonly LiveSegment[] | undefined
  /** The origin's last entry in the local stream. */
  readonly last: LocalRecord | undefined
  /** How far our own pull applied the origin, skipped copies included. */
  readonly applied: Position
}

/** The records of one foreign origin in this region's stream of one topic. All reads but those of a reader go to its leader. */
export class RelayLog {
  readonly origin: string
  readonly topic: TopicEntry
  readonly #session: NatsSession
  readonly #checkpoints: CheckpointBucket

  constructor(session: NatsSession, checkpoints: CheckpointBucket, topic: TopicEntry, origin: string) {
    this.#session = session
    this.#checkpoints = checkpoints
    this.topic = topic
    this.origin = origin
  }

  get filter(): string {
    return originFilter(this.topic.document.name, this.origin)
  }

  /** @throws MeshError when the stream cannot be read now, or was not written by this mesh */
  async view(): Promise<RelayView> {
    const message = await lastRecord(this.#session, this.topic.stream, this.filter)
    const last = message === undefined ? undefined : localRecord(message)
    const controls = await this.#controls()
    return { segments: liveSegments(controls), last, applied: await this.#applied(last) }
  }

  /** See `placeInLog`. @throws MeshError */
  async place({ segments, last, applied }: RelayView, position: Position): Promise<RelayPlace | undefined> {
    if (segments === undefined) return undefined
    const search = placeInLog({ segments, position, last: last?.localSequence ?? 0, applied })
    let step = search.next()
    while (step.done !== true) {
      const { stream } = this.topic
      const message = await nextRecord(this.#session, stream, step.value.from, this.filter)
      step = search.next(message === undefined ? undefined : relayEntry(message))
    }
    return step.value
  }

  /**
   * The local sequence of the origin's last entry (0: there is none), and how far our own pull applied the origin (rule 3).
   * @throws MeshError
   */
  async end(): Promise<{ readonly last: number; readonly applied: Position }> {
    const message = await lastRecord(this.#session, this.topic.stream, this.filter)
    const record = message === undefined ? undefined : localRecord(message)
    return { last: message?.sequence ?? 0, applied: await this.#applied(record) }
  }

  async #applied(last: LocalRecord | undefined): Promise<Position> {
    const checkpoint = await this.#checkpoints.get(this.topic.document.name, this.origin)
    if (checkpoint === undefined) return last?.position ?? START
    const { sequence } = checkpoint.end
    const end = sequence === 0 ? undefined : await recordAt(this.#session, this.topic.stream, sequence)
    const stampAt = (at: number) => (at === sequence ? end?.stampNs : undefined)
    // Nothing of the origin is kept: the checkpoint is all that tells where it was.
    const status = last === undefined ? await streamStatus(this.#session, this.topic.stream) : undefined
    const facts = { stampAt, first: status?.firstSequence, streamCreated: status?.created }
    return resolvePosition(last, checkpoint, facts).position
  }

  async #controls(): Promise<readonly BendRecord[]> {
    const filter = controlSubject(this.topic.document.name, this.origin)
    const newest = await lastRecord(this.#session, this.topic.stream, filter)
    if (newest === undefined) return []
    const controls: BendRecord[] = []
    await readRange({
      session: this.#session,
      stream: this.topic.stream,
      filters: [filter],
      start: 'all',
      headersOnly: true,
      onMessage: (message) => {
        const bend = bendRecord(message)
        if (bend !== undefined) controls.push(bend)
        return controls.length <= CONTROLS_MAX
      },
    })
    if (controls.length <= CONTROLS_MAX) return controls
    const text = `more than ${CONTROLS_MAX} repairs of ${this.origin}, wanted fewer`
    throw new MeshError('resource_exhausted', `serve ${this.topic.key}: ${text}`)
  }
}

/** An entry of a foreign origin. @throws MeshError when it was not written by this mesh */
export function relayEntry(message: StoredMessage): RelayEntry<RawRecord> {
  const { sequence: localSequence } = message
  const subject = parseSubject(message.subject).value
  if (subject?.control === true) {
    const bend = bendRecord(message)
    if (bend === undefined) throw unreadable(message)
    return { localSequence, position: bend.position, control: bend.kind, event: undefined }
  }
  const headers = parseHeaders((name) => message.header(name))
  if (headers.error !== undefined) throw headers.error
  const { origin, mark } = headers.value
  if (subject?.partition === undefined || origin === undefined) throw unreadable(message)
  const { position, prev } = origin
  const event: RawRecord = { position, prev, partition: subject.partition, mark, event: message.payload }
  return { localSequence, position, prev, event }
}

function bendRecord(message: StoredMessage): BendRecord | undefined {
  const { value } = parseControl((name) => message.header(name))
  if (value === undefined || value.kind === 'marker') return undefined
  const { kind } = value
  const localSequence = message.sequence
  if (value.kind === 'gap') return { kind, localSequence, position: value.after, behind: 0 }
  return { kind, localSequence, position: value.common, behind: value.behind }
}

function unreadable(message: StoredMessage): MeshError {
  const text = `record ${message.sequence} on ${message.subject} does not say where it comes from`
  return new MeshError('failed_precondition', `serve: ${text}, wanted a replicated record`)
}
