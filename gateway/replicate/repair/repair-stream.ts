import {
  type ControlRecord,
  controlSubject,
  type HeldEvent,
  isControlSubject,
  MeshError,
  originFilter,
  parseControl,
  parseHeaders,
  type RecordHeaders,
  type UnadoptedEvent,
  unwrap,
} from '@landbridge/core'
import { nextRecord, readRange, type StoredMessage } from '@landbridge/nats'
import { type ControlOptions, MarkerLog, type WriteResult, writeControls } from './marker-log.ts'

/** What a `RepairStream` needs. */
export type RepairStreamOptions = ControlOptions & { readonly origin: string }

/** What a repair, or a retirement, reads and writes in the region's own stream. All reads are bounded by the leader's end. */
export class RepairStream {
  readonly #options: RepairStreamOptions
  readonly #filter: string
  readonly #controlSubject: string
  readonly #markers: MarkerLog

  constructor(options: RepairStreamOptions) {
    const { name } = options.topic.document
    this.#options = options
    this.#filter = originFilter(name, options.origin)
    this.#controlSubject = controlSubject(name, options.origin)
    this.#markers = new MarkerLog(options)
  }

  /** For each local sequence: the origin's first event there or behind it. @throws MeshError */
  probe(sequences: readonly number[]): Promise<(HeldEvent | undefined)[]> {
    return Promise.all(sequences.map((sequence) => this.#eventFrom(sequence)))
  }

  /** Writes a control record of the origin, behind its last record `fence`. */
  writeControl(record: ControlRecord, fence: number): Promise<WriteResult> {
    return writeControls(this.#options, this.#controlSubject, [record], { filter: this.#filter, sequence: fence })
  }

  /** Writes markers of this region, behind its last marker `fence`. */
  writeMarkers(markers: readonly ControlRecord[], fence: number): Promise<WriteResult> {
    return this.#markers.write(markers, fence)
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
    const fence = await this.#markers.read(after)
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
        if (isControlSubject(message.subject) || this.#markers.has(message.sequence)) return true
        events.push(unadoptedEvent(message))
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
}

/** What a marker of an event says. @throws MeshError when something else than this mesh wrote it */
export function unadoptedEvent(message: StoredMessage): UnadoptedEvent {
  const { messageId, origin, mark } = headersOf(message)
  const recordedMs = Number((origin?.position.stamp ?? message.stampNs) / 1_000_000n)
  return { messageId, localSequence: message.sequence, recordedMs, mark }
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
