import { copyCheckOf, type RetryMark } from '@landbridge/core'
import type { Region } from './region.ts'
import { milliseconds, type World } from './world.ts'

/** What was found is true for so long, ticks; a gateway that stood still in between looks again. */
const CHECK_TICKS_MAX = 4

/** Whether what was found at that time must be looked for again before it is acted upon. */
export function tooOld(world: World, checkedAt: number): boolean {
  return world.on('fresh') && world.now - checkedAt > CHECK_TICKS_MAX
}

/** Which event is looked for, and how. */
export type Sought = {
  readonly id: string
  readonly mark: RetryMark | undefined
  /** The view must have seen this local sequence (5b). */
  readonly floor: number
  /** Look in the stream even where the server's memory would do. */
  readonly thorough: boolean
}

/**
 * Rule 5: is there a copy in this region's stream? Only two cheap questions are allowed, as `copyCheckOf` says: the set
 * of marked ids, and a read of what was stored since the other attempts. Both may be answered from a view that is a
 * little old, but not older than the floor.
 */
export function isCopy(world: World, region: Region, { id, mark, floor, thorough }: Sought): boolean {
  const { profile } = world
  const seenAt = world.now - profile.staleTicks
  const limit = world.on('floor') ? floor : 0
  const knows = mark !== undefined || world.on('known')
  const { stream } = region
  if (knows && stream.marked(id).some(({ at, localSequence }) => localSequence <= limit || at <= seenAt)) return true
  if (mark === undefined || !world.on('scan')) return false
  const check = copyCheckOf(mark, {
    // What follows the check may be sent as late as that.
    nowMs: region.nowMs + milliseconds(CHECK_TICKS_MAX),
    duplicateWindowMs: milliseconds(profile.windowTicks),
    batchLifeMs: milliseconds(profile.lifeTicks),
    skewMs: milliseconds(profile.clockTicks),
  })
  if (typeof check === 'string' && !thorough) return false
  const { sinceMs, untilMs } = mark
  return stream.events(id).some(({ recordedMs, storedMs, at }) => {
    // A gateway that finds more than rule 5 asks for finds nothing but copies.
    return recordedMs >= sinceMs && recordedMs <= untilMs && storedMs >= sinceMs && at <= seenAt
  })
}
