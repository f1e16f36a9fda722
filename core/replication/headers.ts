import type { RetryMark } from '../event/retry-mark.ts'
import { MESSAGE_ID_LENGTH_MAX } from '../message-id.ts'
import { isLabel, quote, TOPIC_LENGTH_MAX } from '../names.ts'
import { fail, type Result, succeed } from '../result.ts'
import { originFilter } from '../subjects.ts'
import { parseStamp } from './checkpoint.ts'
import type { Position } from './position.ts'

/** Names of the headers of a stored record (rule 1). */
export const HEADER = {
  /** The server drops repeats of it within the duplicate window. */
  messageId: 'Nats-Msg-Id',
  /** Sequence in the origin's stream. */
  originSequence: 'Lb-Origin-Seq',
  /** Stored time in the origin's stream, nanoseconds since 1970. */
  originStamp: 'Lb-Origin-Stamp',
  /** The origin's record before this one, "<sequence>:<stamp>". */
  originPrev: 'Lb-Origin-Prev',
  /** "<region> <sinceMs> <untilMs>"; "-" for an unknown region. */
  retryOf: 'Lb-Retry-Of',
} as const

/** Where a replicated record comes from (rule 1). */
export type OriginHeaders = {
  readonly position: Position
  /** The origin's record before it. The origin sets it as it serves in order. */
  readonly prev: Position
}

/** What the headers of a stored record say. */
export type RecordHeaders = {
  /** See `messageId`. */
  readonly messageId: string
  /** Undefined for a record of this region itself: there the stream's own sequence and stored time are the position. */
  readonly origin: OriginHeaders | undefined
  /** Set when a marked attempt published the event (rule 4). */
  readonly mark: RetryMark | undefined
}

const FIRST_LINE = 'NATS/1.0\r\n'
const PREV_PATTERN = /^(0|[1-9][0-9]{0,15}):(0|[1-9][0-9]{0,19})$/
const SEQUENCE_PATTERN = /^(?:0|[1-9][0-9]{0,15})$/
const MARK_PATTERN = /^(\S{1,63}) (0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15})$/
const REGION_UNKNOWN = '-'

/**
 * The header block of a record, "NATS/1.0" line and empty last line included.
 * Throws when the message id could break out of its line: that is a bug of the
 * caller, because `messageId()` never makes such an id.
 */
export function encodeHeaders(headers: RecordHeaders): string {
  const { messageId, origin, mark } = headers
  if (messageId.includes('\n') || messageId.includes('\r')) throw new RangeError('headers: message id has a line break')
  let block = `${FIRST_LINE}${HEADER.messageId}: ${messageId}\r\n`
  if (origin !== undefined) {
    const { position, prev } = origin
    block += `${HEADER.originSequence}: ${position.sequence}\r\n${HEADER.originStamp}: ${position.stamp}\r\n`
    block += `${HEADER.originPrev}: ${prev.sequence}:${prev.stamp}\r\n`
  }
  if (mark !== undefined) block += `${HEADER.retryOf}: ${encodeMark(mark)}\r\n`
  return `${block}\r\n`
}

/** The value of `Lb-Retry-Of`. */
export function encodeMark(mark: RetryMark): string {
  return `${mark.region === '' ? REGION_UNKNOWN : mark.region} ${mark.sinceMs} ${mark.untilMs}`
}

/**
 * The most bytes that the headers of a replicated record take: those of `encodeHeaders`, and what an applier adds to
 * fence and batch it. A region accepts no event that would not fit with them into its server's limit, because the
 * other regions could not store it.
 */
export const REPLICATION_HEADERS_MAX = headersMax()

function headersMax(): number {
  const number = Number.MAX_SAFE_INTEGER
  const position = { sequence: number, stamp: 2n ** 64n - 1n }
  const label = 'r'.repeat(63)
  const headers = encodeHeaders({
    messageId: 'i'.repeat(MESSAGE_ID_LENGTH_MAX),
    origin: { position, prev: position },
    mark: { region: label, sinceMs: number, untilMs: number },
  })
  const name = { tenant: label, topic: 't'.repeat(TOPIC_LENGTH_MAX) }
  const lines = [
    `Nats-Batch-Id: ${'b'.repeat(64)}`,
    'Nats-Batch-Sequence: 1000',
    'Nats-Batch-Commit: 1',
    `Nats-Expected-Last-Subject-Sequence: ${number}`,
    `Nats-Expected-Last-Subject-Sequence-Subject: ${originFilter(name, label)}`,
  ]
  return headers.length + lines.reduce((sum, line) => sum + line.length + '\r\n'.length, 0)
}

/**
 * Reads the headers of a stored record; `lookup` answers with a header's value
 * or undefined (an empty text counts as undefined). `failed_precondition` when
 * the record was not written by this mesh, or only half of rule 1 is there: the
 * stream was written by somebody else, and nothing can be concluded from it.
 */
export function parseHeaders(lookup: (name: string) => string | undefined): Result<RecordHeaders> {
  const messageId = lookup(HEADER.messageId)
  if (!messageId) return wrong(HEADER.messageId, messageId, 'a message id')
  const sequenceText = lookup(HEADER.originSequence) || undefined
  const stampText = lookup(HEADER.originStamp) || undefined
  const prevText = lookup(HEADER.originPrev) || undefined
  const markText = lookup(HEADER.retryOf) || undefined
  const mark = markText === undefined ? undefined : parseMark(markText)
  if (markText !== undefined && mark === undefined) {
    return wrong(HEADER.retryOf, markText, '"<region> <sinceMs> <untilMs>"')
  }
  if (sequenceText === undefined && stampText === undefined && prevText === undefined) {
    return succeed({ messageId, origin: undefined, mark })
  }
  const position = parsePosition(sequenceText ?? '', stampText ?? '')
  if (position === undefined || position.sequence === 0) {
    return wrong(`${HEADER.originSequence} and ${HEADER.originStamp}`, `${sequenceText} ${stampText}`, 'two numbers')
  }
  const prev = parsePlace(prevText ?? '')
  if (prev === undefined) return wrong(HEADER.originPrev, prevText, '"<sequence>:<stamp>"')
  return succeed({ messageId, origin: { position, prev }, mark })
}

function parsePosition(sequenceText: string, stampText: string): Position | undefined {
  const sequence = SEQUENCE_PATTERN.test(sequenceText) ? Number(sequenceText) : Number.NaN
  const stamp = parseStamp(stampText)
  return Number.isSafeInteger(sequence) && stamp !== undefined ? { sequence, stamp } : undefined
}

/** Reads "<sequence>:<stamp>"; undefined for anything else. */
export function parsePlace(text: string): Position | undefined {
  const [, sequence = '', stamp = ''] = PREV_PATTERN.exec(text) ?? []
  return parsePosition(sequence, stamp)
}

/** Reads what `encodeMark` wrote; undefined for anything else. */
export function parseMark(text: string): RetryMark | undefined {
  const [, region = '', since = '', until = ''] = MARK_PATTERN.exec(text) ?? []
  const sinceMs = Number(since)
  const untilMs = Number(until)
  if (region !== REGION_UNKNOWN && !isLabel(region)) return undefined
  if (!Number.isSafeInteger(sinceMs) || !Number.isSafeInteger(untilMs) || sinceMs > untilMs) return undefined
  return { region: region === REGION_UNKNOWN ? '' : region, sinceMs, untilMs }
}

function wrong(name: string, is: string | undefined, wanted: string): Result<RecordHeaders> {
  return fail('failed_precondition', `record: ${name} is ${quote(is ?? '')}, wanted ${wanted}`)
}
