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

/** Whether a wipe took something of a topic in a region. */
export function concerns(wipe: Wipe, region: number, topic: string): boolean {
  return wipe.region === region && (wipe.topic === undefined || wipe.topic === topic)
}

/** The pairs of wipes of different regions that are closer together than this, a line each. */
export function wipesTooClose(wipes: readonly Wipe[], apartMs: number): readonly string[] {
  const inTime = wipes.toSorted((one, other) => one.untilMs - other.untilMs)
  return inTime.flatMap((wipe, index) => {
    const before = inTime[index - 1]
    const gapMs = before === undefined ? apartMs : wipe.untilMs - before.untilMs
    if (before === undefined || before.region === wipe.region || gapMs >= apartMs) return []
    return [
      `wipes: region ${wipe.region} forgot ${Math.round(gapMs)} ms after region ${before.region}, wanted ${apartMs} ms or more`,
    ]
  })
}

/**
 * Whether an acknowledged event that no region holds may be gone although the mesh did nothing wrong: every region that
 * is known to have held it lost what it had stored since then. One known copy outside of these spans of time, be it named
 * by the receipt or shown by a subscriber, and there is no excuse.
 * @param witnesses places of the regions whose copies count
 * @returns how long after its acknowledgement the region that stored it forgot it, milliseconds; undefined without excuse
 */
export function excuseOf(
  history: PublisherHistory,
  number: number,
  witnesses: readonly number[],
  wipes: readonly Wipe[],
): number | undefined {
  const acknowledgedBy = history.region(number)
  if (acknowledgedBy === undefined) return undefined
  const { topic } = history.info
  const lossOf = (region: number, knownMs: number) =>
    wipes.find(
      (wipe) => concerns(wipe, region, topic) && wipe.fromMs <= knownMs && wipe.untilMs >= history.sentMs(number),
    )
  for (const region of witnesses) {
    const named = (history.holders(number) & (1 << region)) !== 0
    if (named && lossOf(region, history.endedMs(number)) === undefined) return undefined
    const seenMs = history.seenMs(number, region)
    if (seenMs > 0 && lossOf(region, seenMs) === undefined) return undefined
  }
  const loss = lossOf(acknowledgedBy, history.endedMs(number))
  return loss === undefined ? undefined : Math.max(0, loss.untilMs - history.endedMs(number))
}
