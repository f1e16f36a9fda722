import { Dice } from '../random.ts'
import { drawFault } from './draw.ts'
import { claimsOf, type Ground, type PlannedFault, WIPE_CLAIM } from './fault.ts'

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
/** A claim is free again so long after its fault: what was killed needs to start. */
const RECOVERY_MS = 3_000
/** What a region forgot must be back before another one forgets: a quorum of two stands one such fault at a time. */
const WIPE_RECOVERY_MS = 25_000

/**
 * The faults of a run: the same for the same options, in the order of their times.
 *
 * 1. Faults overlap, but never two that touch the same process or link.
 * 2. About a third begin within a second after the end of another: while the mesh recovers from it.
 */
export function planFaults({ seed, durationMs, everyMs, ground }: PlanOptions): readonly PlannedFault[] {
  const dice = new Dice(seed)
  const planned: Omit<PlannedFault, 'id'>[] = []
  const busyUntil = new Map<string, number>()
  const lastBegin = durationMs * 0.9
  for (let atMs = FIRST_MS; atMs < lastBegin; atMs += dice.int(everyMs / 4, (everyMs * 7) / 4)) {
    const before = planned.at(-1)
    const endOfBefore = before === undefined ? 0 : before.atMs + before.forMs
    const inRecovery = endOfBefore > atMs && endOfBefore < lastBegin && dice.chance(0.35)
    const begin = inRecovery ? endOfBefore + dice.int(0, 1_000) : atMs
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { fault, forMs } = drawFault(dice, ground)
      const claims = claimsOf(fault, ground)
      if (begin + forMs > durationMs || claims.some((claim) => (busyUntil.get(claim) ?? 0) > begin)) continue
      for (const claim of claims) {
        busyUntil.set(claim, begin + forMs + (claim === WIPE_CLAIM ? WIPE_RECOVERY_MS : RECOVERY_MS))
      }
      planned.push({ atMs: begin, forMs, fault })
      break
    }
  }
  return planned.toSorted((one, other) => one.atMs - other.atMs).map((fault, index) => ({ id: index + 1, ...fault }))
}
