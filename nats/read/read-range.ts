import { MeshError } from '@landbridge/core'
import type { NatsSession } from '../session.ts'
import { keptRecordAt } from './kept-record.ts'
import type { StoredMessage } from './message.ts'
import { lastRecord } from './records.ts'
import { type ReadStart, StreamReader } from './stream-reader.ts'

/** Options of `readRange`. */
export type ReadRangeOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** At least one; they must not overlap. */
  readonly filters: readonly string[]
  readonly start: Exclude<ReadStart, 'new'>
  readonly headersOnly: boolean
  /** Called for each record; false ends the reading early. */
  onMessage(message: StoredMessage): boolean
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads from `start` to what was the newest matching record at the stream's leader when this was called. A reader may
 * be served by a replica that lags, so "nothing left to read" counts only when that record was reached.
 * Rejects with a MeshError, or with the reason of `signal`.
 */
export async function readRange(options: ReadRangeOptions): Promise<void> {
  const { session, stream, filters, signal } = options
  signal?.throwIfAborted()
  const newest = await Promise.all(filters.map((filter) => lastRecord(session, stream, filter)))
  const target = Math.max(0, ...newest.map((record) => (isInRange(record, options.start) ? record.sequence : 0)))
  if (target === 0) return
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const abort = () => reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const reader: StreamReader = new StreamReader({
    session,
    stream,
    filters,
    start: options.start,
    headersOnly: options.headersOnly,
    onMessage: (message) => {
      if (message.sequence <= target && !options.onMessage(message)) {
        reader.pause()
        resolve()
      } else if (message.sequence >= target) {
        reader.pause()
        resolve()
      }
    },
    onCaughtUp: () => {
      keptRecordAt(session, stream, target).then((record) => record === undefined && resolve(), reject)
    },
    onEnd: (error) => reject(error ?? new MeshError('cancelled', `read ${stream}: the reader was closed`)),
  })
  try {
    await promise
  } finally {
    signal?.removeEventListener('abort', abort)
    await reader.close()
  }
}

function isInRange(record: StoredMessage | undefined, start: ReadRangeOptions['start']): record is StoredMessage {
  if (record === undefined) return false
  if (start === 'all') return true
  return 'sequence' in start ? record.sequence >= start.sequence : record.stampNs >= BigInt(start.timeMs) * 1_000_000n
}
