import { quote } from './names.ts'
import { fail, type Result, succeed } from './result.ts'

/** A time of a hybrid logical clock: total order by `ms`, then `counter`. */
export type HybridTime = {
  /** Milliseconds since 1970, physical or ahead of it. */
  readonly ms: number
  /** Orders times within one millisecond: 0 to 99,999. */
  readonly counter: number
}

/** Highest counter within one millisecond; then the clock goes on in the next. */
export const HYBRID_COUNTER_MAX = 99_999

/** How far ahead of this machine a remote time may be to be believed, in milliseconds. */
export const HYBRID_DRIFT_MAX_MS = 60_000

const MS_DIGITS = 13
const COUNTER_DIGITS = 5
const MS_MAX = 10 ** MS_DIGITS - 1
const PATTERN = /^([0-9]{13})\.([0-9]{5})$/

/**
 * Hybrid logical clock: close to the machine's time, yet never backwards.
 *
 * 1. Every tick is greater than every tick and every observed time before it,
 *    also when the machine's clock is set back.
 * 2. A time from far ahead (over `HYBRID_DRIFT_MAX_MS`) is not taken over, so
 *    one broken clock cannot drag the mesh with it.
 */
export class HybridClock {
  /** Milliseconds of the last tick. */
  ms = 0
  /** Counter of the last tick. */
  counter = 0
  /** What the machine's clock said at the last tick, in milliseconds since 1970. */
  physicalMs = 0

  readonly #now: () => number

  /** `now`: the machine's clock, milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The next time. */
  tick(): HybridTime {
    this.advance()
    return { ms: this.ms, counter: this.counter }
  }

  /** As `tick`, but leaves the time in `ms` and `counter`: nothing is allocated. */
  advance(): void {
    this.physicalMs = Math.min(Math.max(Math.trunc(this.#now()), 0), MS_MAX)
    if (this.physicalMs > this.ms) {
      this.ms = this.physicalMs
      this.counter = 0
    } else if (this.counter < HYBRID_COUNTER_MAX) {
      this.counter++
    } else {
      this.ms++
      this.counter = 0
    }
  }

  /** Takes a remote time into account: later ticks are greater. False when it is too far ahead and was not. */
  observe(remote: HybridTime): boolean {
    if (remote.ms > this.#now() + HYBRID_DRIFT_MAX_MS) return false
    if (remote.ms > this.ms || (remote.ms === this.ms && remote.counter > this.counter)) {
      this.ms = remote.ms
      this.counter = remote.counter
    }
    return true
  }
}

/** Fixed-width text that sorts like the times: "1763708652000.00001". */
export function formatHybridTime(time: HybridTime): string {
  return `${String(time.ms).padStart(MS_DIGITS, '0')}.${String(time.counter).padStart(COUNTER_DIGITS, '0')}`
}

/** Reads what `formatHybridTime` wrote. */
export function parseHybridTime(text: string): Result<HybridTime> {
  const match = PATTERN.exec(text)
  if (match === null) {
    return fail('invalid_argument', `hybrid time: is ${quote(text)}, wanted 13 digits, a dot and 5 digits`)
  }
  return succeed({ ms: Number(match[1]), counter: Number(match[2]) })
}

/** Below 0 when `a` is before `b`, 0 when equal, above 0 when after. */
export function compareHybridTimes(a: HybridTime, b: HybridTime): number {
  return a.ms - b.ms || a.counter - b.counter
}
