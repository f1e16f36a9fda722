import type { World } from './world.ts'

/** One fault, or the end of one. */
export function fault(world: World): void {
  const { random, regions, stats } = world
  const region = random.pick(regions)
  const which = random.next()
  if (which < 0.35) {
    const other = random.pick(regions)
    if (other !== region) world.toggleLink(region, other)
  } else if (which < 0.6) {
    region.up = !region.up
    if (world.tracing) world.say(region.name, region.up ? 'up' : 'down')
  } else if (which < 0.75) {
    stats.losses++
    region.losePower()
  } else if (which < 0.765) {
    stats.recreated++
    region.recreate()
  } else world.crashOne()
}

/** Mends everything. */
export function heal(world: World): void {
  if (world.tracing) world.say('HEAL')
  world.mendLinks()
  for (const region of world.regions) {
    region.up = true
    for (const pod of region.pods) pod.pausedUntil = 0
  }
}

/** The last region is gone for good. What only it had is lost. */
export function bury(world: World): string | undefined {
  const gone = world.regions.pop()
  if (gone === undefined) return undefined
  gone.up = false
  for (const record of gone.stream.all()) if (record.kind === 'event') world.onLost(record, gone)
  if (world.tracing) world.say(gone.name, 'never comes back')
  return gone.name
}
