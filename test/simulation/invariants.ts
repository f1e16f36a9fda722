import type { Region } from './region.ts'
import type { World } from './world.ts'

/** What must hold once everything has healed and come to rest. I2 is watched as events are stored. */
export function check(world: World): void {
  const events = world.events()
  for (const region of world.regions) {
    for (const [id, by] of world.acked) {
      if (region.stream.events(id).length > 0 || world.lost.has(id)) continue
      world.problem(`I1 ${id}, acknowledged by ${by}, is not in ${region.name}`)
    }
    for (const id of events) {
      if (region.stream.events(id).length === 0) world.problem(`I4 ${id} is not in ${region.name}`)
    }
    for (const origin of world.regions) if (origin !== region) checkOrder(world, region, origin)
  }
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
