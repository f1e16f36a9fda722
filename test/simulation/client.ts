import type { PublishAttempt } from '@landbridge/core'
import { type Attempt, handle } from './publish.ts'
import type { Region } from './region.ts'
import { milliseconds, type Steps, sleep, type World } from './world.ts'

/**
 * A client: tries a region, may lose the answer, tries again here or elsewhere, and tells what it knows of the attempts
 * before, as rule 4 wants it.
 */
export function* client(world: World): Steps {
  const { random, profile } = world
  const id = world.newId()
  const traits = world.egress?.traitsOf(random) ?? 0
  const window = profile.windowTicks
  let first: Region | undefined
  let elsewhere = false
  let begunAt = 0
  // Far below the topic's retention: behind that a copy is not found any more.
  const givesUpAt = profile.retentionTicks === 0 ? Number.POSITIVE_INFINITY : world.now + profile.retentionTicks / 4
  for (let tries = 1 + random.below(4); tries > 0 && world.now <= givesUpAt; tries--) {
    const region = first !== undefined && random.chance(0.4) ? first : random.pick(world.regions)
    const retry =
      first === undefined ? undefined : { ageMs: milliseconds(world.now - begunAt), region: first.name, elsewhere }
    if (region.up) {
      const attempt: Attempt = {
        id,
        traits,
        retry: told(world, retry, region),
        sentMs: region.nowMs,
        answer: undefined,
        by: undefined,
      }
      const pod = random.pick(region.pods)
      const sentAt = world.now
      world.start({ steps: handle(world, pod, attempt), pod, applier: undefined })
      const patience = profile.lifeTicks + random.below(profile.lifeTicks)
      while (attempt.answer === undefined && world.now - sentAt <= patience) yield
      if (attempt.answer === 'stored' && !random.chance(0.4)) {
        world.ack(id, attempt.by ?? { region, holders: [] })
        return
      }
      if (attempt.answer !== 'not-tried') {
        if (first === undefined) {
          first = region
          begunAt = sentAt
        } else if (region !== first) elsewhere = true
      }
    }
    yield* sleep(world, random.chance(0.4) ? random.below(2.5 * window) : random.below(8))
  }
}

/** What the client says of earlier attempts, less what a switched-off rule would have it say. */
function told(world: World, retry: PublishAttempt | undefined, region: Region): PublishAttempt | undefined {
  if (retry === undefined) return undefined
  let { ageMs, region: first, elsewhere } = retry
  if (!world.on('markElsewhere')) return region.name === first ? retry : undefined
  if (!world.on('markOld') && region.name === first && !elsewhere) ageMs = 0
  if (!world.on('stayMarked') && region.name === first) elsewhere = false
  return { ageMs, region: first, elsewhere }
}
