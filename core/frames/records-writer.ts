import type { RetryMark } from '../event/retry-mark.ts'
import type { Position } from '../replication/index.ts'
import { bytesFieldSize, fixed64FieldSize, varintFieldSize, WireWriter } from '../wire.ts'
import { PullRecordsField, RecordField, ReplicateResponseField, RetryMarkField } from './fields.ts'

/** One stored event of an origin on its way to another region. */
export type RawRecord = {
  /** Where it is in the origin's stream. */
  readonly position: Position
  /** The origin's record before it; `START` for its first. */
  readonly prev: Position
  /** Partition of the topic. */
  readonly partition: number
  /** Set when a marked attempt published it. */
  readonly mark: RetryMark | undefined
  /** The event as stored. */
  readonly event: Uint8Array
}

/** Most records in one `PullRecords`: more are refused by the reader. */
export const PULL_RECORDS_MAX = 65_536

/** An encoded `ReplicateResponse { records }` around events that stay encoded: one allocation, one copy of each. */
export function encodeRecords(pullId: number, records: readonly RawRecord[]): Buffer {
  let length = pullId === 0 ? 0 : varintFieldSize(PullRecordsField.pullId, pullId)
  for (const record of records) length += bytesFieldSize(PullRecordsField.records, recordSize(record))
  const writer = new WireWriter(bytesFieldSize(ReplicateResponseField.records, length))
  writer.message(ReplicateResponseField.records, length)
  if (pullId !== 0) writer.varint(PullRecordsField.pullId, pullId)
  for (const record of records) writeRecord(writer, record)
  return writer.buffer
}

/** Bytes that a record takes in a `PullRecords`: what counts against the credit of a pull. */
export function recordByteLength(record: RawRecord): number {
  return bytesFieldSize(PullRecordsField.records, recordSize(record))
}

function writeRecord(writer: WireWriter, record: RawRecord): void {
  const { position, prev, partition, mark, event } = record
  writer.message(PullRecordsField.records, recordSize(record))
  if (position.sequence !== 0) writer.varint(RecordField.sequence, position.sequence)
  if (position.stamp !== 0n) writer.fixed64(RecordField.stamp, position.stamp)
  if (prev.sequence !== 0) writer.varint(RecordField.prevSequence, prev.sequence)
  if (prev.stamp !== 0n) writer.fixed64(RecordField.prevStamp, prev.stamp)
  if (partition !== 0) writer.varint(RecordField.partition, partition)
  if (mark !== undefined) {
    writer.message(RecordField.mark, markSize(mark))
    if (mark.region !== '') writer.text(RetryMarkField.region, mark.region)
    if (mark.sinceMs !== 0) writer.varint(RetryMarkField.sinceMs, mark.sinceMs)
    if (mark.untilMs !== 0) writer.varint(RetryMarkField.untilMs, mark.untilMs)
  }
  writer.bytes(RecordField.event, event)
}

function recordSize({ position, prev, partition, mark, event }: RawRecord): number {
  return (
    (position.sequence === 0 ? 0 : varintFieldSize(RecordField.sequence, position.sequence)) +
    (position.stamp === 0n ? 0 : fixed64FieldSize(RecordField.stamp)) +
    (prev.sequence === 0 ? 0 : varintFieldSize(RecordField.prevSequence, prev.sequence)) +
    (prev.stamp === 0n ? 0 : fixed64FieldSize(RecordField.prevStamp)) +
    (partition === 0 ? 0 : varintFieldSize(RecordField.partition, partition)) +
    (mark === undefined ? 0 : bytesFieldSize(RecordField.mark, markSize(mark))) +
    bytesFieldSize(RecordField.event, event.length)
  )
}

function markSize(mark: RetryMark): number {
  return (
    (mark.region === '' ? 0 : bytesFieldSize(RetryMarkField.region, Buffer.byteLength(mark.region))) +
    (mark.sinceMs === 0 ? 0 : varintFieldSize(RetryMarkField.sinceMs, mark.sinceMs)) +
    (mark.untilMs === 0 ? 0 : varintFieldSize(RetryMarkField.untilMs, mark.untilMs))
  )
}
