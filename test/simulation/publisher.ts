import { arrivesInTime, markOf, onArrival, type PublishAttempt, type RetryMark } from '@landbridge/core'
import { isCopy, tooOld } from './copies.ts'
import type { Message } from './record.ts'
import type { Pod, Region } from './region.ts'
import { milliseconds, type Steps, sleep, type World } from './world.ts'

/** One attempt to publish, on its way to a gateway; it lives on when its client has given it up. */
type Attempt = {
  readonly id: string
  readonly retry: PublishAttempt | undefined
  /** By the region's clock, as the client knows it. */
  readonly sentMs: number
  answer: 'stored' | 'unknown' | 'not-tried' | undefined
}

/**
 * A client: tries a region, may lose the answer, tries again here or elsewhere, and tells what it knows of the attempts
 * before, as rule 4 wants it.
 */
export function* client(world: World): Steps {
  const { random, profile } = world
  const id = world.newId()
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
      const attempt: Attempt = { id, retry: told(world, retry, region), sentMs: region.nowMs, answer: undefined }
      const pod = random.pick(region.pods)
      const sentAt = world.now
      world.start({ steps: handle(world, pod, attempt), pod, applier: undefined })
      const patience = profile.lifeTicks + random.below(profile.lifeTicks)
      while (attempt.answer === undefined && world.now - sentAt <= patience) yield
      if (attempt.answer === 'stored' && !random.chance(0.4)) {
        world.ack(id, region)
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

/** A gateway takes an attempt: as `EventStore` does, with the same decisions. */
function* handle(world: World, pod: Pod, attempt: Attempt): Steps {
  yield
  const { region } = pod
  const { profile } = world
  if (!region.up) return
  const late = () => world.on('arrival') && !arrivesInTime(attempt.sentMs, region.nowMs)
  const refuse = () => {
    world.stats.late++
    attempt.answer = 'not-tried'
  }
  if (late()) return refuse()
  const retry = attempt.retry && onArrival(attempt.retry, attempt.sentMs, region.nowMs)
  const here = {
    nowMs: region.nowMs,
    duplicateWindowMs: milliseconds(profile.windowTicks),
    batchLifeMs: milliseconds(profile.lifeTicks),
    skewMs: milliseconds(profile.clockTicks),
    region: region.name,
  }
  const { session } = region
  let mark = markOf(retry, here)
  const checkedAt = world.now
  if (mark !== undefined && world.on('publishCheck')) {
    const copy = isCopy(world, region, { id: attempt.id, mark, floor: 0, thorough: false })
    yield
    if (world.on('session') && region.session !== session) {
      attempt.answer = 'not-tried'
      return
    }
    if (copy) {
      attempt.answer = 'stored'
      return
    }
    if (late() || tooOld(world, checkedAt)) return refuse()
    // Looking took a while; the mark must cover the time until which the event may still be stored.
    mark = { ...mark, untilMs: region.nowMs + here.batchLifeMs + here.skewMs }
  }
  const batch = region.send([eventOf(region, attempt.id, mark)], undefined, session)
  while (batch.result === undefined && world.now - batch.openedAt <= profile.lifeTicks) yield
  const kind = batch.result?.kind
  attempt.answer = kind === 'stored' || kind === 'duplicate' ? 'stored' : 'unknown'
}

function eventOf(region: Region, id: string, mark: RetryMark | undefined): Message {
  return {
    kind: 'event',
    origin: region.name,
    position: undefined,
    prev: undefined,
    id,
    recordedMs: region.nowMs,
    mark,
    target: 0,
  }
}
