import { applier } from './applier.ts'
import { client } from './client.ts'
import { bury, fault, heal } from './faults.ts'
import { check, isComplete } from './invariants.ts'
import { retire } from './repair.ts'
import { World, type WorldOptions } from './world.ts'

/** What came of one run. */
export type Outcome = {
  readonly seed: number
  readonly regions: number
  /** What broke; empty when nothing did. */
  readonly problems: readonly string[]
  readonly stats: Readonly<Record<string, number>>
}

const QUIET_TICKS_MAX = 6_000
/** Where upstreams are chosen: from the end of the last publish until every event is everywhere. A relay that did not hear the origin is asked again after a minute. */
const ROUTED_TICKS_MAX = 300

/** One run: faults, healing, rest, verdict. */
export function simulate(options: WorldOptions): Outcome {
  const world = new World(options)
  const { profile, problems, seed } = world
  const regions = world.regions.length
  try {
    for (let step = 0; step < profile.steps && problems.length === 0; step++) tick(world, true)
    heal(world)
    if (profile.dead) {
      const gone = bury(world)
      if (gone !== undefined && world.on('retire')) {
        for (const region of world.regions) {
          world.start({ steps: retire(world, region, gone), pod: undefined, applier: `retire ${region.name}` })
        }
      }
    }
    settle(world)
    if (problems.length === 0) check(world)
  } catch (thrown) {
    const { stack } = thrown instanceof Error ? thrown : new Error(String(thrown))
    world.problem(`CRASH ${stack?.split('\n').slice(0, 6).join(' ')}`)
  }
  const stats = { ...world.stats, acked: world.acked.size, lost: world.lost.size, ticks: world.now }
  return { seed, regions, problems, stats }
}

/** Until nothing has happened for long enough that nothing will. */
function settle(world: World): void {
  const { profile, problems, stats } = world
  // A branch waits for a batch life, a gap for those who may yet fill it.
  const rest = 60 + 2 * profile.lifeTicks + (profile.retentionTicks > 0 ? 120 : 0)
  const isDone = () => quiet >= rest && (!profile.routes || isComplete(world))
  let quiet = 0
  let idle = 0
  for (let step = 0; step < QUIET_TICKS_MAX && !isDone() && problems.length === 0; step++) {
    const before = stats.stores - stats.controls
    tick(world, false)
    // Where nothing follows, retention takes control records, too, and they are written anew.
    quiet = before === stats.stores - stats.controls && !world.publishing ? quiet + 1 : 0
    idle = world.publishing ? 0 : idle + 1
    if (!profile.routes || idle < ROUTED_TICKS_MAX || isComplete(world)) continue
    world.problem(`ROUTE events are missing ${idle} ticks after the last publish`)
  }
  if (quiet < rest && problems.length === 0) world.problem('LIVE never comes to rest')
}

function tick(world: World, faults: boolean): void {
  const { random, regions } = world
  const { rates, retentionTicks } = world.profile
  world.now++
  for (const region of regions) {
    if (!region.up) continue
    if (random.chance(rates.deliver)) region.deliver()
    if (random.chance(rates.deliver)) region.deliver()
    if (random.chance(rates.sync)) region.synced = region.stream.last
    if (retentionTicks === 0) continue
    if (random.chance(0.1)) region.noteTail()
    if (random.chance(0.2)) region.expire()
  }
  if (faults) {
    if (random.chance(rates.event)) world.start({ steps: client(world), pod: undefined, applier: undefined })
    if (random.chance(rates.fault)) fault(world)
  }
  for (const region of regions) {
    if (!region.up) continue
    region.routes?.tick()
    pull(world, region)
  }
  for (let steps = 4 * regions.length; steps > 0; steps--) world.step()
}

/** Every origin has an applier, and now and then there is another one that believes that it should. */
function pull(world: World, region: World['regions'][number]): void {
  for (const origin of world.regions) {
    if (origin === region) continue
    const name = region.name + origin.name
    const running = world.appliers(name)
    if (running > 1 || (running === 1 && !world.random.chance(world.profile.rates.race))) continue
    const pod = world.random.pick(region.pods)
    world.start({ steps: applier(world, region, origin.name), pod, applier: name })
  }
}
