import type { RetryMark } from '../event/retry-mark.ts'
import { fail, type Result, succeed } from '../result.ts'
import { encodeMark, HEADER, parseMark, parsePlace } from './headers.ts'
import type { Position } from './position.ts'

/** Names of the headers of a control record, which is no event and has no payload and no message id. */
export const CONTROL_HEADER = {
  /** The kind of `ControlRecord`. */
  control: 'Lb-Control',
  /** Branch and open: the last common record. Gap: the last record before it. "<sequence>:<stamp>". */
  at: 'Lb-Control-At',
  /** Branch and open: the sequence of the last common record in this stream; 0 when it is not there. */
  behind: 'Lb-Control-Behind',
  /** Marker: the message id of the event that it stands for. */
  eventId: 'Lb-Event-Id',
  /** Marker: the sequence of that event in this stream. */
  eventSequence: 'Lb-Event-Seq',
} as const

/** See `ControlRecord`. */
export type CommonRecord<K extends 'branch' | 'open'> = {
  readonly kind: K
  /** The last record of the origin that both have; `START` when there is none. */
  readonly common: Position
  /**
   * Its sequence in this region's stream; 0 when it is not (or no longer) there. The origin's events between this
   * sequence and the control record itself are those that the origin lost.
   */
  readonly behind: number
}

/**
 * What a region writes down about an origin beside its events, under the origin's control subject (RULES.md 7 and 8).
 *
 * - "branch": the origin does not know this region's last record; `common` is the last one that both have. While it is
 *   the last record of its origin nothing else of the origin is written or served.
 * - "open": the events between `common` and this record are dead: given back, and never served. The position is `common`.
 * - "gap": no upstream keeps the records right behind `after` any more; what follows begins later. The position is `after`.
 * - "marker": under this region's *own* name, at `markerSubject`. Served in its place goes the event that it points
 *   to, marked.
 */
export type ControlRecord =
  | CommonRecord<'branch'>
  | CommonRecord<'open'>
  | { readonly kind: 'gap'; readonly after: Position }
  | {
      readonly kind: 'marker'
      /** `Nats-Msg-Id` of the event. */
      readonly messageId: string
      /** Where the event is in this region's stream. */
      readonly localSequence: number
      readonly mark: RetryMark
    }

const SEQUENCE_PATTERN = /^(?:0|[1-9][0-9]{0,15})$/

/** The header block of a control record, "NATS/1.0" line and empty last line included. */
export function encodeControl(record: ControlRecord): string {
  const { control, at, behind, eventId, eventSequence } = CONTROL_HEADER
  const lines = [`${control}: ${record.kind}`]
  if (record.kind === 'marker') {
    if (/[\r\n]/.test(record.messageId)) throw new RangeError('control record: message id has a line break')
    lines.push(`${eventId}: ${record.messageId}`, `${eventSequence}: ${record.localSequence}`)
    lines.push(`${HEADER.retryOf}: ${encodeMark(record.mark)}`)
  } else {
    const { sequence, stamp } = record.kind === 'gap' ? record.after : record.common
    lines.push(`${at}: ${sequence}:${stamp}`)
    if (record.kind !== 'gap') lines.push(`${behind}: ${record.behind}`)
  }
  return `NATS/1.0\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** Reads what `encodeControl` wrote; `failed_precondition` for anything else. */
export function parseControl(lookup: (name: string) => string | undefined): Result<ControlRecord> {
  const kind = lookup(CONTROL_HEADER.control)
  if (kind === 'marker') return parseMarker(lookup)
  const position = parsePlace(lookup(CONTROL_HEADER.at) ?? '')
  if (position !== undefined && kind === 'gap') return succeed({ kind, after: position })
  const behind = parseSequence(lookup(CONTROL_HEADER.behind))
  if (position !== undefined && behind !== undefined && (kind === 'branch' || kind === 'open')) {
    return succeed({ kind, common: position, behind })
  }
  return fail(
    'failed_precondition',
    'control record: cannot be read, wanted a branch, open, gap or marker of this mesh',
  )
}

function parseMarker(lookup: (name: string) => string | undefined): Result<ControlRecord> {
  const messageId = lookup(CONTROL_HEADER.eventId)
  const localSequence = parseSequence(lookup(CONTROL_HEADER.eventSequence))
  const mark = parseMark(lookup(HEADER.retryOf) ?? '')
  if (!messageId || mark === undefined || !localSequence) {
    return fail('failed_precondition', 'control record: marker cannot be read, wanted event id, sequence and mark')
  }
  return succeed({ kind: 'marker', messageId, localSequence, mark })
}

function parseSequence(text: string | undefined): number | undefined {
  const sequence = text !== undefined && SEQUENCE_PATTERN.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(sequence) ? sequence : undefined
}
