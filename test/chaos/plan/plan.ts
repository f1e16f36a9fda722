import { Dice } from '../random.ts'
import { drawFault } from './draw.ts'
import { claimsOf, type Ground, isLinkClaim, type PlannedFault, WIPE_CLAIM } from './fault.ts'

export type PlanOptions = {
  readonly seed: number
  /** How long events are published. No fault begins in the last tenth. */
  readonly durationMs: number
  /** Mean time from one fault's beginning to the next one's. */
  readonly everyMs: number
  readonly ground: Ground
}

const FIRST_MS = 2_000
const TRIES_MAX = 20
/** A process is free again so long after its fault: `kill-again` alone hits one that starts. A link is free at once. */
const RECOVERY_MS = 3_000
/** What a region forgot must be back before another one forgets: a quorum of two stands one such fault at a time. */
export const WIPE_RECOVERY_MS = 25_000

/** A plan this long has a rolling restart, which takes about so long. */
const ROLLING_FROM_MS = 120_000
const ROLLING_MS = 45_000

/**
 * The faults of a run: the same for the same options, in the order of their times.
 *
 * 1. Faults overlap, but never two that touch the same process or link.
 * 2. About a third begin within a second after the end of another: while the mesh recovers from it.
 * 3. Some faults hit once more what recovers from them: a process that starts (`kill-again`), a gateway whose region gets
 *    back what it forgot (`interruption`).
 * 4. Every process is restarted gently once, somewhere in the middle, unless the run is short.
 */
export function planFaults({ seed, durationMs, everyMs, ground }: PlanOptions): readonly PlannedFault[] {
  const dice = new Dice(seed)
  const planned: Omit<PlannedFault, 'id'>[] = []
  const busy = new Calendar()
  const lastBegin = durationMs * 0.9
  if (durationMs >= ROLLING_FROM_MS && (ground.only?.includes('rolling-restart') ?? true)) {
    const fault = { kind: 'rolling-restart' } as const
    const atMs = dice.int(durationMs * 0.3, durationMs * 0.6)
    busy.take(claimsOf(fault, ground), atMs, atMs + ROLLING_MS)
    planned.push({ atMs, forMs: 0, fault })
  }
  let endOfBefore = 0
  for (let atMs = FIRST_MS; atMs < lastBegin; atMs += dice.int(everyMs / 4, (everyMs * 7) / 4)) {
    const inRecovery = endOfBefore > atMs && endOfBefore < lastBegin && dice.chance(0.35)
    const begin = inRecovery ? endOfBefore + dice.int(0, 1_000) : atMs
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { fault, forMs } = drawFault(dice, ground)
      const claims = claimsOf(fault, ground)
      if (begin + forMs > durationMs || !busy.isFree(claims, begin, begin + forMs)) continue
      busy.take(claims, begin, begin + forMs)
      planned.push({ atMs: begin, forMs, fault })
      endOfBefore = begin + forMs
      break
    }
  }
  return planned.toSorted((one, other) => one.atMs - other.atMs).map((fault, index) => ({ id: index + 1, ...fault }))
}

/** Who has what when; what was taken needs a while to recover before it is free again. */
class Calendar {
  readonly #spans = new Map<string, { readonly from: number; readonly until: number }[]>()

  isFree(claims: readonly string[], from: number, until: number): boolean {
    return claims.every((claim) =>
      (this.#spans.get(claim) ?? []).every((span) => span.until <= from || span.from >= until + recoveryOf(claim)),
    )
  }

  take(claims: readonly string[], from: number, until: number): void {
    for (const claim of claims) {
      const spans = this.#spans.get(claim) ?? []
      spans.push({ from, until: until + recoveryOf(claim) })
      this.#spans.set(claim, spans)
    }
  }
}

function recoveryOf(claim: string): number {
  if (claim === WIPE_CLAIM) return WIPE_RECOVERY_MS
  return isLinkClaim(claim) ? 0 : RECOVERY_MS
}
