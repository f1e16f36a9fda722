import type { PublisherHistory } from '../history/publisher-history.ts'

/** A region went back to what its store was at `fromMs`: whatever it stored from then until `untilMs` is gone there. */
export type Wipe = {
  /** Place of the region. */
  readonly region: number
  /** Undefined: every topic. */
  readonly topic?: string | undefined
  /** 0: since the beginning. */
  readonly fromMs: number
  readonly untilMs: number
}

/**
 * Whether an acknowledged event that no region holds may be gone although the mesh did nothing wrong: every region that
 * is known to have held it lost what it had stored since then. One known copy outside of these spans of time, be it named
 * by the receipt or shown by a subscriber, and there is no excuse.
 */
export function isExcused(history: PublisherHistory, number: number, regions: number, wipes: readonly Wipe[]): boolean {
  const acknowledgedBy = history.region(number)
  if (acknowledgedBy === undefined) return false
  const { topic } = history.info
  const mayHaveLost = (region: number, knownMs: number) =>
    wipes.some(
      (wipe) =>
        wipe.region === region &&
        (wipe.topic === undefined || wipe.topic === topic) &&
        wipe.fromMs <= knownMs &&
        wipe.untilMs >= history.sentMs(number),
    )
  for (let region = 0; region < regions; region++) {
    const named = region === acknowledgedBy || (history.holders(number) & (1 << region)) !== 0
    if (named && !mayHaveLost(region, history.endedMs(number))) return false
    const seenMs = history.seenMs(number, region)
    if (seenMs > 0 && !mayHaveLost(region, seenMs)) return false
  }
  return true
}
