import type { Following } from '../region/index.ts'

/** What to do about a configuration that gateways may not run yet. */
export type Follow =
  /** Report what there is; look again after that, unless a gateway moves first. */
  | { readonly kind: 'report'; readonly againAfterMs: number | undefined }
  /** They have just been told: wait before anything is reported. */
  | { readonly kind: 'wait'; readonly forMs: number }

type Waiting = {
  readonly revision: number
  readonly sinceMs: number
  /** Nobody knew of any gateway when it was looked at last. */
  readonly unknown: boolean
}

/** Gateways follow within this time; until then one report says all. */
const FOLLOW_MS = 2_000
/** Gateways that do not follow are looked at again after this. */
const BEHIND_MS = 15_000

/** Resources whose configuration does not run in every gateway yet. At most one entry a resource. */
export class Followers {
  readonly #waiting = new Map<string, Waiting>()

  /** @param following undefined: nobody knows yet */
  look(key: string, revision: number, following: Following | undefined, nowMs: number): Follow {
    if (isComplete(following)) {
      this.#waiting.delete(key)
      return { kind: 'report', againAfterMs: undefined }
    }
    const before = this.#waiting.get(key)
    const sinceMs = before?.revision === revision ? before.sinceMs : nowMs
    this.#waiting.set(key, { revision, sinceMs, unknown: following === undefined })
    // Without gateways, or while nobody knows of any: whoever comes will move.
    if (following === undefined || following.all === 0) return { kind: 'report', againAfterMs: undefined }
    const forMs = sinceMs + FOLLOW_MS - nowMs
    return forMs > 0 ? { kind: 'wait', forMs } : { kind: 'report', againAfterMs: BEHIND_MS }
  }

  /** The resource is gone, or nothing of it is in the region. */
  forget(key: string): void {
    this.#waiting.delete(key)
  }

  /** Gateways have moved, or are known at last: which resources are to be looked at again. */
  moved(followingOf: (revision: number) => Following | undefined): readonly string[] {
    return [...this.#waiting].flatMap(([key, { revision, unknown }]) => {
      const following = followingOf(revision)
      return isComplete(following) || (unknown && following !== undefined) ? [key] : []
    })
  }
}

function isComplete(following: Following | undefined): boolean {
  return following !== undefined && following.all > 0 && following.following === following.all
}
