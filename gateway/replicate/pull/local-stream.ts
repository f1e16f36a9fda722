import {
  type Checkpoint,
  eventSubject,
  type LocalPlace,
  type LocalRecord,
  MeshError,
  originFilter,
  type RunOpening,
  type SendResult,
  type SessionIdentity,
  streamSubjects,
} from '@landbridge/core'
import {
  applyFenced,
  type CheckpointBucket,
  lastRecord,
  type NatsSession,
  recordAt,
  type StoreRequest,
  streamStatus,
} from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { Incarnations } from './incarnations.ts'
import { localRecord } from './local-record.ts'
import type { PullRecord } from './received.ts'

/** A batch that found no answer in this time is given up; it must be shorter than a batch's life. */
const APPLY_TIMEOUT_MS = 5_000

/** What a `LocalStream` needs. */
export type LocalStreamOptions = {
  readonly session: NatsSession
  readonly checkpoints: CheckpointBucket
  readonly incarnations: Incarnations
  readonly topic: TopicEntry
  readonly origin: string
}

/** What a run asks of the region's own stream of one topic, about one origin. All reads go to the stream's leader. */
export class LocalStream {
  readonly #session: NatsSession
  readonly #checkpoints: CheckpointBucket
  readonly #incarnations: Incarnations
  readonly #topic: TopicEntry
  readonly #origin: string
  readonly #filter: string
  /** Subjects by partition: unmarked, marked. */
  readonly #subjects: readonly [string[], string[]] = [[], []]
  #created = ''
  /** Oldest sequence that the stream keeps. */
  #first = 0
  #leader: string | undefined

  constructor({ session, checkpoints, incarnations, topic, origin }: LocalStreamOptions) {
    this.#session = session
    this.#checkpoints = checkpoints
    this.#incarnations = incarnations
    this.#topic = topic
    this.#origin = origin
    this.#filter = originFilter(topic.document.name, origin)
  }

  /** The session as known now; the stream's part of it is as old as the last `look`. */
  get identity(): SessionIdentity {
    const { serverId, epoch: reconnects } = this.#session
    return { serverId, reconnects, streamCreated: this.#created, streamLeader: this.#leader }
  }

  /** Looks which incarnation of the stream this is and who leads it. @throws MeshError */
  async look(): Promise<void> {
    const status = await streamStatus(this.#session, this.#topic.stream)
    if (status === undefined) {
      throw new MeshError('unavailable', `replicate ${this.#topic.key}: its stream ${this.#topic.stream} is not there`)
    }
    this.#created = status.created
    this.#leader = status.leader
    this.#first = status.firstSequence
  }

  /** What a run begins with (rule 3). @throws MeshError, also while the stream is too new to be applied to (rule 6) */
  async opening(): Promise<RunOpening> {
    await this.look()
    const session = this.identity
    const checkpoint = await this.#checkpoints.get(this.#topic.document.name, this.#origin)
    const last = await this.last()
    const end = checkpoint === undefined ? undefined : await this.#placeAt(checkpoint.end.sequence)
    const isGone = end === undefined || end.stamp !== checkpoint?.end.stamp
    // What retention has taken says nothing about another incarnation.
    const isMissed = checkpoint !== undefined && checkpoint.end.sequence >= Math.max(1, this.#first) && isGone
    await this.#checkQuiet(isMissed)
    const stampAt = (sequence: number) => (sequence === end?.sequence ? end.stamp : undefined)
    return { session, last, checkpoint, facts: { stampAt, first: this.#first, streamCreated: this.#created } }
  }

  /** The origin's last record here. @throws MeshError, also when something else than this mesh wrote it. */
  async last(): Promise<LocalRecord | undefined> {
    const message = await lastRecord(this.#session, this.#topic.stream, this.#filter)
    return message === undefined ? undefined : localRecord(message)
  }

  /** The stream's last record, whatever its origin; { 0, 0n } for an empty stream. @throws MeshError */
  async end(): Promise<LocalPlace> {
    const [everything = '>'] = streamSubjects(this.#topic.document.name)
    const message = await lastRecord(this.#session, this.#topic.stream, everything)
    return message === undefined ? { sequence: 0, stamp: 0n } : { sequence: message.sequence, stamp: message.stampNs }
  }

  /** Stores records, all or none, if the origin's last record here has the sequence `fence`. */
  async store(records: readonly PullRecord[], fence: number): Promise<SendResult & { readonly error?: MeshError }> {
    const { stream } = this.#topic
    return applyFenced({
      session: this.#session,
      stream,
      requests: records.map((record) => this.#request(record)),
      fence: { filter: this.#filter, sequence: fence },
      timeoutMs: APPLY_TIMEOUT_MS,
    })
  }

  /** @throws MeshError */
  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    await this.#checkpoints.put(this.#topic.document.name, this.#origin, checkpoint)
  }

  async #checkQuiet(misfit: boolean): Promise<void> {
    const { key, stream } = this.#topic
    const created = this.#created
    const isKept = this.#incarnations.isKept(stream, created)
    const kept = isKept ? created : await this.#checkpoints.incarnation(stream)
    const quietMs = this.#incarnations.quietMs(stream, created, { kept, misfit })
    if (quietMs > 0) {
      const text = `its stream ${stream} was made anew, nothing is applied for ${Math.ceil(quietMs)} ms more`
      throw new MeshError('unavailable', `replicate ${key}: ${text}`, { retryAfterMs: quietMs })
    }
    if (isKept) return
    if (kept !== created) await this.#checkpoints.keepIncarnation(stream, created)
    this.#incarnations.setKept(stream, created)
  }

  async #placeAt(sequence: number): Promise<LocalPlace | undefined> {
    if (sequence === 0) return undefined
    const message = await recordAt(this.#session, this.#topic.stream, sequence)
    return message === undefined ? undefined : { sequence, stamp: message.stampNs }
  }

  #request({ mark, headers, event, partition }: PullRecord): StoreRequest {
    return {
      subject: this.#subject(partition, mark !== undefined),
      headers,
      payload: event,
      // The headers hold it.
      messageId: '',
    }
  }

  #subject(partition: number, marked: boolean): string {
    const known = this.#subjects[marked ? 1 : 0]
    const subject = known[partition] ?? eventSubject(this.#topic.document.name, this.#origin, partition, marked)
    known[partition] = subject
    return subject
  }
}
