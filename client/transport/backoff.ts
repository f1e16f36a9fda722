/** Bounds of a wait that doubles. */
export type BackoffOptions = {
  /** Upper bound of the first wait, milliseconds. Default 100. */
  readonly initialMs: number
  /** Upper bound of any wait, milliseconds. Default 5,000. */
  readonly maxMs: number
}

/** Defaults of `BackoffOptions`. */
export const BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 5_000 }

/** Shortest wait: full jitter may choose 0, which would be no wait at all. */
const FLOOR_MS = 10

/**
 * Wait before the next attempt with full jitter: uniform between 10 ms and
 * min(maxMs, initialMs x 2^(failures - 1)). `failures` counts from 1; `random` is in [0, 1).
 */
export function backoffMs(failures: number, options: BackoffOptions, random: () => number): number {
  const ceiling = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(failures - 1, 30))
  return Math.max(FLOOR_MS, random() * ceiling)
}
