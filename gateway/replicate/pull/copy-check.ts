import { BATCH_LIFE_MS, CLOCK_SKEW_MS, copyCheckOf } from '@landbridge/core'
import type { MarkedView } from '../../marked-views.ts'
import type { PullRecord } from './received.ts'

/** A view of the marked ids may be this old; together with a batch's life it must stay below every duplicate window. */
const STALE_MS_MAX = 1_000

/** What the copy check asks. */
export type CopyCheckContext = {
  readonly marked: MarkedView
  readonly duplicateWindowMs: number
  /** When the record that fences the batch was read or stored (`performance.now()`): the set must have seen it (5b). */
  readonly floorAt: number
  /** Look for marked records in the stream even where the server's memory of message ids would do. */
  readonly thorough: boolean
  /** Clock, ms since 1970. */
  readonly now: () => number
  /** Ends waiting: the check rejects with its reason. */
  readonly signal: AbortSignal
}

/**
 * Rule 5, by the applier before it sends: for each record, whether the event is in the stream already.
 * @throws MeshError when that cannot be found out now.
 */
export async function findOwnCopies(
  records: readonly PullRecord[],
  context: CopyCheckContext,
): Promise<readonly boolean[]> {
  const { marked, duplicateWindowMs, floorAt, thorough, now, signal } = context
  await marked.see(Math.max(performance.now() - STALE_MS_MAX, floorAt), signal)
  const here = { nowMs: now(), duplicateWindowMs, batchLifeMs: BATCH_LIFE_MS, skewMs: CLOCK_SKEW_MS }
  const toScan = new Set<string>()
  let fromMs = Number.POSITIVE_INFINITY
  const copies = records.map(({ mark, messageId }) => {
    if (marked.has(messageId)) return true
    const check = copyCheckOf(mark, here)
    if (mark !== undefined && (thorough || typeof check === 'object')) {
      toScan.add(messageId)
      fromMs = Math.min(fromMs, mark.sinceMs)
    }
    return false
  })
  if (toScan.size === 0) return copies
  const found = await marked.copiesSince(fromMs, toScan, signal)
  return records.map(
    ({ messageId }, index) => copies[index] === true || (toScan.has(messageId) && found.has(messageId)),
  )
}
