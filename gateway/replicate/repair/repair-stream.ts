import {
  type ControlRecord,
  controlSubject,
  encodeControl,
  type HeldEvent,
  isControlSubject,
  MeshError,
  markerSubject,
  originFilter,
  parseControl,
  parseHeaders,
  type RecordHeaders,
  type SendResult,
  type UnadoptedEvent,
  unwrap,
} from '@landbridge/core'
import {
  applyFenced,
  lastRecord,
  type NatsSession,
  nextRecord,
  readRange,
  type StoredMessage,
  type StoreRequest,
} from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import { SequenceSet } from './sequence-set.ts'

/** A batch that found no answer in this time is given up; it must be shorter than a batch's life. */
const WRITE_TIMEOUT_MS = 5_000
const NOTHING = new Uint8Array(0)

/** What became of a write, and what the server said when it failed. */
export type WriteResult = SendResult & { readonly error?: MeshError }

/** What a `RepairStream` needs. */
export type RepairStreamOptions = {
  readonly session: NatsSession
  readonly topic: TopicEntry
  /** This region: its markers are its own records. */
  readonly region: string
  readonly origin: string
  /** Ends reading: it rejects with the signal's reason. */
  readonly signal: AbortSignal
}

/** What a repair, or a retirement, reads and writes in the region's own stream. All reads are bounded by the leader's end. */
export class RepairStream {
  readonly #options: RepairStreamOptions
  readonly #filter: string
  readonly #controlSubject: string
  readonly #markerSubject: string
  /** Events of any origin to which a marker of this region points, as far as markers were read. */
  readonly #marked = new SequenceSet()
  #markersRead = 0

  constructor(options: RepairStreamOptions) {
    const { name } = options.topic.document
    this.#options = options
    this.#filter = originFilter(name, options.origin)
    this.#controlSubject = controlSubject(name, options.origin)
    this.#markerSubject = markerSubject(name, options.region)
  }

  /** For each local sequence: the origin's first event there or behind it. @throws MeshError */
  probe(sequences: readonly number[]): Promise<(HeldEvent | undefined)[]> {
    return Promise.all(sequences.map((sequence) => this.#eventFrom(sequence)))
  }

  /** Writes a control record of the origin, behind its last record `fence`. */
  writeControl(record: ControlRecord, fence: number): Promise<WriteResult> {
    return this.#write([controlRequest(this.#controlSubject, record)], this.#filter, fence)
  }

  /** Writes markers of this region, behind its last marker `fence`. */
  writeMarkers(markers: readonly ControlRecord[], fence: number): Promise<WriteResult> {
    const requests = markers.map((marker) => controlRequest(this.#markerSubject, marker))
    return this.#write(requests, this.#markerSubject, fence)
  }

  /**
   * The origin's oldest events between two local sequences that have no marker, and the last sequence of the marker
   * subject as it was before. @throws MeshError
   */
  async unadopted(range: {
    readonly after: number
    readonly before: number
    readonly limit: number
  }): Promise<{ readonly events: readonly UnadoptedEvent[]; readonly fence: number }> {
    const { session, topic, signal } = this.#options
    const { after, before, limit } = range
    const fence = (await lastRecord(session, topic.stream, this.#markerSubject))?.sequence ?? 0
    // No marker is older than the event that it points to.
    await this.#readMarkers(Math.max(after, this.#markersRead), fence)
    const events: UnadoptedEvent[] = []
    await readRange({
      session,
      stream: topic.stream,
      filters: [this.#filter],
      start: { sequence: after + 1 },
      headersOnly: true,
      signal,
      onMessage: (message) => {
        if (message.sequence >= before) return false
        if (isControlSubject(message.subject) || this.#marked.has(message.sequence)) return true
        const { messageId, origin, mark } = headersOf(message)
        const recordedMs = Number((origin?.position.stamp ?? message.stampNs) / 1_000_000n)
        events.push({ messageId, localSequence: message.sequence, recordedMs, mark })
        return events.length < limit
      },
    })
    return { events, fence }
  }

  /** How many gaps of the origin are written down. @throws MeshError */
  async gaps(): Promise<number> {
    const { session, topic, signal } = this.#options
    let count = 0
    await readRange({
      session,
      stream: topic.stream,
      filters: [this.#controlSubject],
      start: 'all',
      headersOnly: true,
      signal,
      onMessage: (message) => {
        if (unwrap(parseControl((name) => message.header(name))).kind === 'gap') count += 1
        return true
      },
    })
    return count
  }

  async #readMarkers(after: number, upTo: number): Promise<void> {
    if (upTo <= after) return
    const { session, topic, signal } = this.#options
    await readRange({
      session,
      stream: topic.stream,
      filters: [this.#markerSubject],
      start: { sequence: after + 1 },
      headersOnly: true,
      signal,
      onMessage: (message) => {
        if (message.sequence > upTo) return false
        const record = unwrap(parseControl((name) => message.header(name)))
        if (record.kind === 'marker') this.#marked.add(record.localSequence)
        return true
      },
    })
    this.#markersRead = upTo
  }

  async #eventFrom(from: number): Promise<HeldEvent | undefined> {
    const { session, topic } = this.#options
    let sequence = from
    for (;;) {
      const message = await nextRecord(session, topic.stream, sequence, this.#filter)
      if (message === undefined) return undefined
      if (!isControlSubject(message.subject)) return heldEvent(message)
      sequence = message.sequence + 1
    }
  }

  async #write(requests: readonly StoreRequest[], filter: string, sequence: number): Promise<WriteResult> {
    const { session, topic } = this.#options
    const fence = { filter, sequence }
    return applyFenced({ session, stream: topic.stream, requests, fence, timeoutMs: WRITE_TIMEOUT_MS })
  }
}

function controlRequest(subject: string, record: ControlRecord): StoreRequest {
  return { subject, headers: encodeControl(record), payload: NOTHING, messageId: '' }
}

function heldEvent(message: StoredMessage): HeldEvent {
  const { origin } = headersOf(message)
  if (origin === undefined) {
    const text = `record ${message.sequence} on ${message.subject} does not say where it comes from`
    throw new MeshError('failed_precondition', `repair: ${text}, wanted a replicated record`)
  }
  return { localSequence: message.sequence, ...origin }
}

function headersOf(message: StoredMessage): RecordHeaders {
  return unwrap(parseHeaders((name) => message.header(name)))
}
