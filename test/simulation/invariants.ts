import { START, samePosition } from '@landbridge/core'
import type { Region } from './region.ts'
import type { World } from './world.ts'

/** Whether every event that some region has is in all that must have it. */
export function isComplete(world: World): boolean {
  const isHere = (region: Region, id: string) => region.stream.shown(id) > 0 || !world.belongs(id, region)
  return world.events().every((id) => world.regions.every((region) => isHere(region, id)))
}

/** What must hold once everything has healed and come to rest. I2 is watched as events are stored. */
export function check(world: World): void {
  const events = new Set([...world.events(), ...world.acked.keys()])
  const acts = actsOf(world)
  for (const region of world.regions) {
    const gaps = new Map(world.regions.map((origin) => [origin.name, gapsOf(world, region, origin)]))
    for (const id of events) {
      if (region.stream.shown(id) > 0 || !world.belongs(id, region)) continue
      // Of a batch that is not atomic a part may arrive when its origin has lost the event already, and lie there unseen.
      if (world.lost.has(id) && (world.profile.pieces || !world.isKept(id))) continue
      const excuse = excuseOf(world, region, id, gaps, acts.get(id))
      if (excuse === undefined) report(world, region, id)
      else world.stats[excuse]++
    }
    for (const origin of world.regions) if (origin !== region) checkOrder(world, region, origin)
  }
}

function report(world: World, region: Region, id: string): void {
  const by = world.acked.get(id)
  if (by !== undefined) world.problem(`I1 ${id}, acknowledged by ${by}, is not in ${region.name}`)
  else world.problem(`I4 ${id} is not in ${region.name}`)
}

/** An act of storing an event in its origin's own log, which retention has taken there since. */
type Expired = { readonly kind: 'event' | 'marker'; readonly origin: string; readonly sequence: number }

/** Where each event is, or was, in the present logs of its origins; only those that retention has taken from there. */
function actsOf(world: World): ReadonlyMap<string, readonly Expired[]> {
  const acts = new Map<string, Expired[]>()
  for (const { name: origin, stream } of world.regions) {
    for (const { id, kind, origin: from, localSequence: sequence } of stream.history.slice(0, stream.first - 1)) {
      if (from !== origin || (kind !== 'event' && kind !== 'marker')) continue
      const known = acts.get(id)
      if (known === undefined) acts.set(id, [{ kind, origin, sequence }])
      else known.push({ kind, origin, sequence })
    }
  }
  return acts
}

type Interval = { readonly after: number; readonly before: number }

/**
 * What a region was shown to have missed of an origin: behind a written gap, and before the first record that it had, or
 * had again after it forgot its position with all that was left of it.
 */
function gapsOf(world: World, region: Region, origin: Region): readonly Interval[] {
  const gaps: Interval[] = []
  let after: number | undefined = 0
  let restart = region.restarts.get(origin.name) ?? Number.POSITIVE_INFINITY
  for (const { kind, position, prev, localSequence, origin: from } of region.stream.history) {
    if (from !== origin.name) continue
    // A gap that some region wrote down: it may have expired where this record came from.
    if (prev !== undefined && world.gaps.has(prev.stamp)) after ??= prev.sequence
    if (localSequence > restart) {
      after = 0
      restart = Number.POSITIVE_INFINITY
    }
    const isInLog = origin.stream.history[position.sequence - 1]?.localStamp === position.stamp
    // Where nothing but copies lay between two gaps, nothing tells where the first one ended.
    if (kind === 'gap' && after !== undefined) gaps.push({ after, before: position.sequence + 1 })
    if (kind === 'gap') after = isInLog ? position.sequence : 0
    else if (kind === 'open' && samePosition(position, START)) after = 0
    else if (kind === 'event' && after !== undefined) {
      gaps.push({ after, before: position.sequence })
      after = undefined
    }
  }
  const forgets = region.forgets(origin.name) && region.stream.of(origin.name).length === 0
  if (forgets || restart !== Number.POSITIVE_INFINITY) after = 0
  if (after !== undefined) gaps.push({ after, before: Number.POSITIVE_INFINITY })
  return gaps
}

/** Why an event may be missing: it is in a gap that shows; or its origin lost it, and it expired wherever else it was. */
function excuseOf(
  world: World,
  region: Region,
  id: string,
  gaps: ReadonlyMap<string, readonly Interval[]>,
  acts: readonly Expired[] = [],
): 'gapped' | 'pastTime' | undefined {
  const covered = acts.some(({ origin, sequence }) =>
    gaps.get(origin)?.some(({ after, before }) => sequence > after && sequence < before),
  )
  if (covered) return 'gapped'
  // Where its origin's log, or this region, had it and lost it, it comes back only while it lasts. (A marker stands for
  // an event that expires before it.)
  const isInLog = acts.some(({ kind }) => kind === 'event') && !region.hadOnce.has(id)
  return isInLog || !world.isPastTime(id) ? undefined : 'pastTime'
}

/** I3: what is in the origin's own log lies everywhere in the origin's order. */
function checkOrder(world: World, region: Region, origin: Region): void {
  let last = 0
  for (const { kind, position } of region.stream.of(origin.name)) {
    if (kind !== 'event' || origin.stream.at(position.sequence)?.localStamp !== position.stamp) continue
    if (position.sequence <= last) {
      world.problem(`I3 ${origin.name}:${position.sequence} behind ${origin.name}:${last} in ${region.name}`)
    }
    last = position.sequence
  }
}
