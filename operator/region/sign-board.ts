import type { GatewaySign } from '@landbridge/core'

/** How many gateways run a configuration, of all that are there. */
export type Following = { readonly following: number; readonly all: number }

type Seen = { readonly revision: number; readonly stampMs: number }

/** A gateway whose last sign is so much older than the newest of all is gone: signs come every second. */
const EXPIRY_MS = 5_000

/**
 * Which gateways are there, and what they run, as somebody sees it who is no gateway. Signs are compared by the time at
 * which the server stored them, so that two clocks never meet; only the time since the newest of all is by the reader's.
 */
export class SignBoard {
  readonly #seen = new Map<string, Seen>()
  #newest = { stampMs: Number.NEGATIVE_INFINITY, heardAtMs: 0 }

  /**
   * A sign came.
   * @param stampMs When it was stored, ms since 1970 by the server
   * @param nowMs By the reader's monotonic clock
   * @returns whether the gateway is new, or runs another configuration
   */
  saw(key: string, { revision }: GatewaySign, stampMs: number, nowMs: number): boolean {
    const before = this.#seen.get(key)
    const wasThere = before !== undefined && this.#isThere(before, nowMs)
    this.#seen.set(key, { revision, stampMs })
    if (stampMs >= this.#newest.stampMs) this.#newest = { stampMs, heardAtMs: nowMs }
    return !wasThere || before.revision !== revision
  }

  /** A gateway took its sign away. */
  left(key: string): void {
    this.#seen.delete(key)
  }

  /** The bucket was lost: everybody signs again. */
  clear(): void {
    this.#seen.clear()
    this.#newest = { stampMs: Number.NEGATIVE_INFINITY, heardAtMs: 0 }
  }

  /** Gateways that run at least this revision. */
  following(revision: number, nowMs: number): Following {
    let all = 0
    let following = 0
    for (const seen of this.#seen.values()) {
      if (!this.#isThere(seen, nowMs)) continue
      all += 1
      if (seen.revision >= revision) following += 1
    }
    return { following, all }
  }

  #isThere({ stampMs }: Seen, nowMs: number): boolean {
    return this.#newest.stampMs - stampMs + (nowMs - this.#newest.heardAtMs) < EXPIRY_MS
  }
}
