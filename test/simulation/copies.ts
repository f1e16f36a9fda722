import { copyCheckOf, mayBeCopyOf, type RetryMark, type UnmarkedEvent } from '@landbridge/core'
import type { Stored } from './record.ts'
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
  /** Where and when it was stored first; undefined for one that is yet to be stored. */
  readonly first?: UnmarkedEvent
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
export function isCopy(world: World, region: Region, { id, mark, floor, thorough, first }: Sought): boolean {
  const { profile } = world
  const seenAt = world.now - profile.staleTicks
  const limit = world.on('floor') ? floor : 0
  const { stream } = region
  const isKnown = ({ at, localSequence, mark: span }: Stored) => {
    // The least that a bounded set remembers.
    const forgotten = first === undefined || span === undefined || !mayBeCopyOf(first, span)
    return !forgotten && (localSequence <= limit || at <= seenAt)
  }
  if (mark === undefined) return world.on('known') && stream.marked(id).some(isKnown)
  if (!world.on('scan')) return false
  const check = copyCheckOf(mark, {
    // What follows the check may be sent as late as that.
    nowMs: region.nowMs + milliseconds(CHECK_TICKS_MAX),
    duplicateWindowMs: milliseconds(profile.windowTicks),
    batchLifeMs: milliseconds(profile.lifeTicks),
    skewMs: milliseconds(profile.clockTicks),
  })
  if (typeof check === 'string' && !thorough) return false
  // To the end of the stream: what was stored here since then and has this id is a copy, whenever it was recorded.
  return stream.events(id).some(({ storedMs, at }) => storedMs >= mark.sinceMs && at <= seenAt)
}
