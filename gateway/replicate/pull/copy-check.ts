import { BATCH_LIFE_MS, CLOCK_SKEW_MS, copyCheckOf } from '@landbridge/core'
import type { MarkedView } from '../../marked-views.ts'
import type { PullRecord } from './received.ts'

/** A view of the marked ids may be this old; together with a batch's life it must stay below every duplicate window. */
const STALE_MS_MAX = 1_000

/** What the copy check asks. */
export type CopyCheckContext = {
  readonly marked: MarkedView
  /** The region whose records these are. */
  readonly origin: string
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

/** What was found, and since when (`performance.now()`) it may have become untrue. */
export type OwnCopies = { readonly copies: readonly boolean[]; readonly checkedAt: number }

/**
 * Rule 5, by the applier before it sends: for each record, whether the event is in the stream already.
 * @throws MeshError when that cannot be found out now, or the reason of the signal
 */
export async function findOwnCopies(records: readonly PullRecord[], context: CopyCheckContext): Promise<OwnCopies> {
  const { marked, duplicateWindowMs, thorough, now, signal } = context
  const { found, checkedAt } = await findMarked(records, context)
  const here = { nowMs: now(), duplicateWindowMs, batchLifeMs: BATCH_LIFE_MS, skewMs: CLOCK_SKEW_MS }
  const toScan = new Set<string>()
  let fromMs = Number.POSITIVE_INFINITY
  const copies = records.map(({ mark, messageId }) => {
    if (found.has(messageId) || marked.has(messageId)) return true
    const check = copyCheckOf(mark, here)
    if (mark !== undefined && (thorough || typeof check === 'object')) {
      toScan.add(messageId)
      fromMs = Math.min(fromMs, mark.sinceMs)
    }
    return false
  })
  if (toScan.size === 0) return { copies, checkedAt }
  const scanned = await marked.copiesSince(fromMs, toScan, signal)
  return {
    copies: records.map(
      ({ messageId }, index) => copies[index] === true || (toScan.has(messageId) && scanned.has(messageId)),
    ),
    checkedAt,
  }
}

/**
 * Sees to it that the set of marked ids answers for these records, and looks into the stream for the unmarked ones of
 * which it cannot: what came meanwhile is in the set.
 */
async function findMarked(
  records: readonly PullRecord[],
  { marked, origin, floorAt, signal }: CopyCheckContext,
): Promise<{ readonly found: ReadonlySet<string>; readonly checkedAt: number }> {
  const startedAt = performance.now()
  await marked.see(Math.max(startedAt - STALE_MS_MAX, floorAt), signal)
  const found = new Set<string>()
  const unsure = new Set<string>()
  for (const { messageId, mark, position } of records) {
    if (marked.has(messageId)) found.add(messageId)
    else if (mark === undefined && !marked.covers({ origin, storedMs: Number(position.stamp / 1_000_000n) })) {
      unsure.add(messageId)
    }
  }
  if (unsure.size === 0) return { found, checkedAt: startedAt }
  for (const id of (await marked.findMarked(unsure, signal)).keys()) found.add(id)
  const checkedAt = performance.now()
  await marked.see(checkedAt, signal)
  return { found, checkedAt }
}
