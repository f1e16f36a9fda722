import type { Position, RetryMark, RunRecord } from '@landbridge/core'
import type { Traits } from './egress.ts'

/** What a record is; all but "event" are control records. */
export type RecordKind = 'event' | 'marker' | 'branch' | 'open' | 'gap'

/** A message as it is sent to a region's stream. */
export type Message = {
  readonly kind: RecordKind
  /** The origin under whose subject it is stored. */
  readonly origin: string
  /** Where it is in its origin's stream, or, of a control record, what it names; undefined for the region's own. */
  readonly position: Position | undefined
  /** The record before it; undefined for the region's own. */
  readonly prev: Position | undefined
  /** The event; of a marker, the one that it stands for; empty for other control records. */
  readonly id: string
  /** When the publisher's gateway took it, ms. */
  readonly recordedMs: number
  readonly mark: RetryMark | undefined
  /** What decides where the event may go. */
  readonly traits: Traits
  /** Of a marker: where the event is in this stream. Of a branch or an open record: where the common one is. */
  readonly target: number
}

/** A message as it lies in a region's stream. */
export type Stored = Message & {
  readonly position: Position
  readonly localSequence: number
  /** By the server's clock, nanoseconds. */
  readonly localStamp: bigint
  /** By the server's clock, ms. */
  readonly storedMs: number
  /** When it really was, ticks. */
  readonly at: number
}

/** An event on its way between two regions. */
export type WireRecord = RunRecord & {
  readonly id: string
  readonly recordedMs: number
  readonly traits: Traits
}

/** For the trace. */
export function show(record: Message): string {
  const { origin, position, prev, kind, id, mark } = record
  const where = position === undefined ? '?' : `${position.sequence}#${position.stamp % 1_000_000n}`
  return `${origin}:${where}${prev === undefined ? '' : `<${prev.sequence}`} ${kind}${id && ` ${id}`}${mark === undefined ? '' : ' marked'}`
}
