import { messageCodec, type ReplicateResponse, ReplicateResponseSchema } from '@landbridge/proto'
import type { RetryMark } from '../event/retry-mark.ts'
import { isLabel } from '../names.ts'
import { PARTITIONS_MAX } from '../partition.ts'
import { fail, type Result, succeed } from '../result.ts'
import { asBuffer, WireReader, WireType } from '../wire.ts'
import { PullRecordsField, RecordField, ReplicateResponseField, RetryMarkField } from './fields.ts'
import { PULL_RECORDS_MAX, type RawRecord } from './records-writer.ts'

/** What a serving region says: records with their events still encoded, or another message, decoded. */
export type RawReplicateResponse =
  | { readonly kind: 'records'; readonly pullId: number; readonly records: readonly RawRecord[] }
  | { readonly kind: 'message'; readonly message: ReplicateResponse }

const codec = messageCodec(ReplicateResponseSchema)

/**
 * Reads an encoded `ReplicateResponse`. Never throws; `invalid_argument` for
 * what is malformed, says two things at once, or holds a record without event
 * or sequence or with a number out of range. The events are views into `bytes`
 * and not checked.
 */
export function readReplicateResponse(bytes: Uint8Array): Result<RawReplicateResponse> {
  const buffer = asBuffer(bytes)
  const reader = new WireReader(buffer)
  let kind = 0
  let start = 0
  let end = 0
  while (reader.next()) {
    if (reader.field > ReplicateResponseField.pong) continue
    if (kind !== 0 || !reader.expect(WireType.bytes)) return malformed()
    kind = reader.field
    start = reader.start
    end = reader.end
  }
  if (reader.malformed) return malformed()
  if (kind === ReplicateResponseField.records) return readRecords(buffer, start, end)
  try {
    return succeed({ kind: 'message', message: codec.deserialize(buffer) })
  } catch {
    return malformed()
  }
}

function readRecords(bytes: Buffer, start: number, end: number): Result<RawReplicateResponse> {
  const reader = new WireReader(bytes, start, end)
  const recordReader = new WireReader()
  const records: RawRecord[] = []
  let pullId = 0
  while (reader.next()) {
    if (reader.field === PullRecordsField.pullId) {
      if (reader.expect(WireType.varint)) pullId = reader.uint32()
    } else if (reader.field === PullRecordsField.records && reader.expect(WireType.bytes)) {
      recordReader.reset(bytes, reader.start, reader.end)
      const record = readRecord(recordReader)
      if (record === undefined || records.length === PULL_RECORDS_MAX) return malformed()
      records.push(record)
    }
  }
  return reader.malformed ? malformed() : succeed({ kind: 'records', pullId, records })
}

function readRecord(reader: WireReader): RawRecord | undefined {
  let sequence = 0
  let stamp = 0n
  let prevSequence = 0
  let prevStamp = 0n
  let partition = 0
  let mark: RetryMark | undefined
  let event: Uint8Array | undefined
  while (reader.next()) {
    switch (reader.field) {
      case RecordField.sequence:
        if (reader.expect(WireType.varint)) sequence = reader.varint()
        break
      case RecordField.stamp:
        if (reader.expect(WireType.fixed64)) stamp = reader.fixed64()
        break
      case RecordField.prevSequence:
        if (reader.expect(WireType.varint)) prevSequence = reader.varint()
        break
      case RecordField.prevStamp:
        if (reader.expect(WireType.fixed64)) prevStamp = reader.fixed64()
        break
      case RecordField.partition:
        if (reader.expect(WireType.varint)) partition = reader.uint32()
        break
      case RecordField.mark:
        if (mark !== undefined || !reader.expect(WireType.bytes)) return undefined
        mark = readMark(reader.bytes())
        if (mark === undefined) return undefined
        break
      case RecordField.event:
        if (event !== undefined || !reader.expect(WireType.bytes)) return undefined
        event = reader.bytes()
        break
    }
  }
  if (reader.malformed || event === undefined || sequence === 0 || partition >= PARTITIONS_MAX) return undefined
  return { position: { sequence, stamp }, prev: { sequence: prevSequence, stamp: prevStamp }, partition, mark, event }
}

function readMark(bytes: Buffer): RetryMark | undefined {
  const reader = new WireReader(bytes)
  let region = ''
  let sinceMs = 0
  let untilMs = 0
  while (reader.next()) {
    switch (reader.field) {
      case RetryMarkField.region:
        if (reader.expect(WireType.bytes)) region = reader.text()
        break
      case RetryMarkField.sinceMs:
        if (reader.expect(WireType.varint)) sinceMs = reader.varint()
        break
      case RetryMarkField.untilMs:
        if (reader.expect(WireType.varint)) untilMs = reader.varint()
        break
    }
  }
  if (reader.malformed || (region !== '' && !isLabel(region))) return undefined
  return { region, sinceMs, untilMs }
}

function malformed() {
  return fail('invalid_argument', 'replication: peer sent a malformed ReplicateResponse, wanted one of its messages')
}
