import type { Fault } from './profiles.ts'
import { show } from './record.ts'
import type { Region } from './region.ts'
import type { World } from './world.ts'

/** One fault, or the end of one. */
export function fault(world: World): void {
  const region = world.random.pick(world.regions)
  const act = ACTS[pickFault(world)]
  act(world, region)
}

function pickFault(world: World): Fault {
  const shares = Object.entries(world.profile.rates.faults) as [Fault, number][]
  let left = world.random.next() * shares.reduce((sum, [, share]) => sum + share, 0)
  for (const [name, share] of shares) {
    left -= share
    if (left < 0) return name
  }
  return 'link'
}

const ACTS: Readonly<Record<Fault, (world: World, region: Region) => void>> = {
  link(world, region) {
    const other = world.random.pick(world.regions)
    if (other !== region) world.toggleLink(region, other)
  },
  region(world, region) {
    region.up = !region.up
    if (world.tracing) world.say(region.name, region.up ? 'up' : 'down')
  },
  power(world, region) {
    world.stats.losses++
    region.losePower()
  },
  recreate(world, region) {
    world.stats.recreated++
    region.recreate()
  },
  applier(world) {
    world.crashOne()
  },
  kill(world, region) {
    const pod = world.random.pick(region.pods)
    if (world.tracing) world.say('gateway', pod.name, 'killed')
    world.stats.kills++
    pod.pausedUntil = 0
    world.crash((other) => other === pod)
  },
  pause(world, region) {
    const pod = world.random.pick(region.pods)
    pod.pausedUntil = world.now + world.random.below(2.5 * world.profile.windowTicks)
    if (world.tracing) world.say('gateway', pod.name, 'paused until', pod.pausedUntil)
    world.stats.pauses++
  },
  clock(world, region) {
    const { clockTicks } = world.profile
    region.clockOffset = world.random.below(clockTicks + 1) - Math.floor(clockTicks / 2)
    if (world.tracing) world.say('clock of', region.name, 'is off by', region.clockOffset)
    world.stats.clocks++
  },
}

/** Mends everything; clocks stay as they are. */
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
  for (const record of gone.stream.all()) {
    if (record.kind !== 'event') continue
    if (world.tracing) world.say(gone.name, 'had', show(record))
    world.onLost(record, gone)
  }
  if (world.tracing) world.say(gone.name, 'never comes back')
  world.checkQuorum(gone)
  return gone.name
}
