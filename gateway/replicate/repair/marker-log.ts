import {
  type ControlRecord,
  encodeControl,
  type MeshError,
  markerSubject,
  parseControl,
  type SendResult,
  unwrap,
} from '@landbridge/core'
import { applyFenced, lastRecord, type NatsSession, readRange, type StoreRequest } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import { SequenceSet } from './sequence-set.ts'

/** A batch that found no answer in this time is given up; it must be shorter than a batch's life. */
const WRITE_TIMEOUT_MS = 5_000
const NOTHING = new Uint8Array(0)

/** What became of a write, and what the server said when it failed. */
export type WriteResult = SendResult & { readonly error?: MeshError }

/** Where a region's stream of one topic is written to beside its events. */
export type ControlOptions = {
  readonly session: NatsSession
  readonly topic: TopicEntry
  /** This region: its markers are its own records. */
  readonly region: string
  /** Ends reading: it rejects with the signal's reason. */
  readonly signal: AbortSignal
}

/** The markers of a region in its stream of one topic (rule 8): for whoever puts events of other origins into the own log. */
export class MarkerLog {
  readonly #options: ControlOptions
  readonly #subject: string
  /** Events of any origin to which a marker points, as far as markers were read. */
  readonly #marked = new SequenceSet()
  #read = 0

  constructor(options: ControlOptions) {
    this.#options = options
    this.#subject = markerSubject(options.topic.document.name, options.region)
  }

  /**
   * Reads every marker of events behind a local sequence. Returns the sequence of the last one: the fence for writing more.
   * Ask with sequences that do not shrink. @throws MeshError
   */
  async read(after: number): Promise<number> {
    const { session, topic, signal } = this.#options
    const last = (await lastRecord(session, topic.stream, this.#subject))?.sequence ?? 0
    // No marker is older than the event that it points to.
    const from = Math.max(after, this.#read)
    if (last <= from) return last
    await readRange({
      session,
      stream: topic.stream,
      filters: [this.#subject],
      start: { sequence: from + 1 },
      headersOnly: true,
      signal,
      onMessage: (message) => {
        if (message.sequence > last) return false
        const record = unwrap(parseControl((name) => message.header(name)))
        if (record.kind === 'marker') this.#marked.add(record.localSequence)
        return true
      },
    })
    this.#read = last
    return last
  }

  /** Whether a marker that was read points to this local sequence. */
  has(localSequence: number): boolean {
    return this.#marked.has(localSequence)
  }

  /** Writes markers behind the last one, `fence`. */
  write(markers: readonly ControlRecord[], fence: number): Promise<WriteResult> {
    return writeControls(this.#options, this.#subject, markers, { filter: this.#subject, sequence: fence })
  }
}

/** Writes control records behind the last record of a filter. */
export function writeControls(
  { session, topic }: Pick<ControlOptions, 'session' | 'topic'>,
  subject: string,
  records: readonly ControlRecord[],
  fence: { readonly filter: string; readonly sequence: number },
): Promise<WriteResult> {
  const requests = records.map(
    (record): StoreRequest => ({ subject, headers: encodeControl(record), payload: NOTHING, messageId: '' }),
  )
  return applyFenced({ session, stream: topic.stream, requests, fence, timeoutMs: WRITE_TIMEOUT_MS })
}
