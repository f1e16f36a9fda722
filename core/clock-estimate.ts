/** How another machine's clock stands to our monotonic clock. Milliseconds. */
export type ClockEstimate = {
  /** The other clock's time since 1970 minus our monotonic time. */
  readonly aheadMs: number
  /** How far `aheadMs` can have been wrong when it was measured: half of the time there and back. */
  readonly errorMs: number
  /** When it was measured, by our monotonic clock. */
  readonly atMs: number
}

/** How fast two clocks drift apart at most: 200 parts in a million, twice what quartz does at its worst. */
export const CLOCK_DRIFT = 200e-6

/** One question to the other clock: it said `theirMs` between our `sentMs` and `heardMs` (monotonic). */
export function clockSample(sentMs: number, heardMs: number, theirMs: number): ClockEstimate {
  return { aheadMs: theirMs - (sentMs + heardMs) / 2, errorMs: (heardMs - sentMs) / 2, atMs: heardMs }
}

/** How far an estimate can be wrong at `nowMs`. */
export function clockErrorMs(estimate: ClockEstimate, nowMs: number): number {
  return estimate.errorMs + Math.max(0, nowMs - estimate.atMs) * CLOCK_DRIFT
}

/**
 * The better of what is known and a new sample: the one with the smaller error now. A sample that cannot be true
 * together with what is known wins: the other clock was set.
 */
export function betterEstimate(known: ClockEstimate | undefined, sample: ClockEstimate): ClockEstimate {
  if (known === undefined) return sample
  const knownErrorMs = clockErrorMs(known, sample.atMs)
  const apart = Math.abs(known.aheadMs - sample.aheadMs) > knownErrorMs + sample.errorMs
  return apart || sample.errorMs <= knownErrorMs ? sample : known
}
