import {
  type AppliedReport,
  arrivesInTime,
  forwardOrder,
  markEndMs,
  markOf,
  onArrival,
  type PublishAttempt,
  quorumVerdict,
  type RetryMark,
  reportsAgree,
} from '@landbridge/core'
import { isCopy, tooOld } from './copies.ts'
import type { Traits } from './egress.ts'
import type { Message } from './record.ts'
import type { Pod, Region } from './region.ts'
import { adopt } from './repair.ts'
import { type Holders, milliseconds, type Steps, type World } from './world.ts'

/** The sequence of what does not lie in this region's own log: no report covers it. */
const NOT_OWN = Number.POSITIVE_INFINITY

/** One attempt to publish, on its way to a gateway; it lives on when its client has given it up. */
export type Attempt = {
  readonly id: string
  readonly traits: Traits
  readonly retry: PublishAttempt | undefined
  /** By the region's clock, as the client knows it. */
  readonly sentMs: number
  answer: 'stored' | 'unknown' | 'not-tried' | undefined
  /** Who acknowledges it. */
  by: Holders | undefined
}

/** A gateway takes an attempt: it stores the event, or hands it to another region when it cannot. */
export function* handle(world: World, pod: Pod, attempt: Attempt): Steps {
  yield
  const { random, profile, now } = world
  const { region } = pod
  if (!region.up) return
  const patience = profile.lifeTicks / 2
  if (!random.chance(profile.rates.forward)) return yield* store(world, pod, attempt, now + 2 * patience)
  // Its own store cannot be reached, or is silent: then it may have the event all the same.
  const isSilent = random.chance(0.5)
  const own: Attempt = { ...attempt }
  if (isSilent) {
    yield* store(world, pod, own, now + patience)
    if (own.answer === 'stored' || own.answer === 'not-tried') {
      attempt.by = own.by
      attempt.answer = own.answer
      return
    }
  }
  yield* forward(world, region, attempt, now)
}

/** Hands an event on, marked: it says how old the first attempt is, and where that went. */
function* forward(world: World, region: Region, attempt: Attempt, begunAt: number): Steps {
  const peers = world.regions.map((peer) => ({
    region: peer.name,
    usable: world.linked(region, peer),
    cost: 0,
    rttMs: world.random.below(100),
  }))
  const [name = ''] = forwardOrder(peers)
  const peer = world.region(name)
  if (peer === undefined) return
  world.stats.forwards++
  const { id, retry, traits } = attempt
  const earlier = retry && onArrival(retry, attempt.sentMs, region.nowMs)
  const told: PublishAttempt = {
    ageMs: (earlier?.ageMs ?? 0) + milliseconds(world.now - begunAt),
    region: earlier?.region ?? region.name,
    elsewhere: true,
    ...(world.on('forwardSpan') ? { forwarded: true } : {}),
  }
  const sent: Attempt = { id, traits, retry: told, sentMs: region.nowMs, answer: undefined, by: undefined }
  if (!world.on('forwardMark')) Object.assign(sent, { retry: undefined })
  const pod = world.random.pick(peer.pods)
  world.start({ steps: store(world, pod, sent, world.now + world.profile.lifeTicks), pod, applier: undefined })
  for (const until = world.now + world.profile.lifeTicks; sent.answer === undefined && world.now < until; ) yield
  attempt.by = sent.by
  attempt.answer = sent.answer === 'stored' ? 'stored' : 'unknown'
}

/** As `EventStore` and the quorum step do, with the same decisions. */
function* store(world: World, pod: Pod, attempt: Attempt, deadline: number): Steps {
  yield
  const { region } = pod
  const { profile } = world
  const { session } = region
  const late = () => world.on('arrival') && !arrivesInTime(attempt.sentMs, region.nowMs)
  const refuse = (answer: 'not-tried') => {
    world.stats.late++
    attempt.answer = answer
  }
  if (!region.up || late()) return refuse('not-tried')
  if (world.egress?.mayHold(attempt.traits, region.name) === false) return refuse('not-tried')
  const retry = attempt.retry && onArrival(attempt.retry, attempt.sentMs, region.nowMs)
  const here = () => ({
    nowMs: region.nowMs,
    duplicateWindowMs: milliseconds(profile.windowTicks),
    batchLifeMs: milliseconds(profile.lifeTicks),
    skewMs: milliseconds(profile.clockTicks),
    region: region.name,
  })
  let mark = markOf(retry, here())
  const begunAt = world.now
  if (mark !== undefined && retry !== undefined && world.on('publishCheck')) {
    const copy = isCopy(world, region, { id: attempt.id, mark, floor: 0, thorough: false })
    yield
    if (world.on('session') && region.session !== session) return refuse('not-tried')
    if (copy) return yield* confirm(world, region, attempt, { begunAt, deadline, isCopy: true })
    if (late() || tooOld(world, begunAt)) return refuse('not-tried')
    // Looking took a while; the mark must cover the time until which the event may still be stored.
    mark = { ...mark, untilMs: Math.max(mark.untilMs, markEndMs(retry, here())) }
  }
  const handedAt = world.now
  const batch = region.send([eventOf(region, attempt, mark)], undefined, session)
  while (batch.result === undefined && world.now - batch.openedAt <= profile.lifeTicks) yield
  const kind = batch.result?.kind
  if (kind !== 'stored' && kind !== 'duplicate') attempt.answer = 'unknown'
  else yield* confirm(world, region, attempt, { begunAt: handedAt, deadline, isCopy: kind === 'duplicate' })
}

/** Acknowledges; for a topic with durability "quorum" only when another region has the event, too. */
function* confirm(
  world: World,
  region: Region,
  attempt: Attempt,
  { begunAt, deadline, isCopy }: { readonly begunAt: number; readonly deadline: number; readonly isCopy: boolean },
): Steps {
  const { session } = region
  attempt.by = { region, holders: [] }
  if (!world.profile.quorum || !world.on('quorum')) {
    attempt.answer = 'stored'
    return
  }
  const record = region.stream.events(attempt.id).at(-1)
  const isOwn = record?.origin === region.name
  // Nobody's position says anything of a record of another region's log.
  const adopted =
    record === undefined || isOwn || !world.on('adoptCopy') ? undefined : yield* adopt(world, region, record)
  const isHeard = isOwn ? isCopy : adopted?.isNew === false
  const claim = {
    sequence: (isOwn ? record.localSequence : adopted?.sequence) ?? NOT_OWN,
    begunAtMs: isHeard && agree(region) ? Number.NEGATIVE_INFINITY : milliseconds(isHeard ? world.now : begunAt),
    deadlineAtMs: milliseconds(deadline),
    fallback: 'wait' as const,
  }
  for (;;) {
    yield
    // The log may be another one now: nothing that is heard speaks of these events.
    if (region.session !== session) break
    const origin = record === undefined || isOwn || world.on('adoptCopy') ? undefined : world.region(record.origin)
    const seen: AppliedReport[] = region.reports.map((report) => ({ ...report, sequence: report.position.sequence }))
    if (origin !== undefined && world.linked(region, origin)) {
      seen.push({ region: origin.name, sequence: NOT_OWN, heardAtMs: Infinity })
    }
    const reports = world.on('reports') ? seen : seen.map((one) => ({ ...one, heardAtMs: Infinity }))
    const verdict = quorumVerdict(
      { ...claim, sinceMs: milliseconds(begunAt) },
      { reports, absentSinceMs: undefined },
      milliseconds(world.now),
    )
    if (verdict.kind === 'late') break
    if (verdict.kind !== 'held') continue
    attempt.by = { region, holders: verdict.regions, losses: world.losses() }
    attempt.answer = 'stored'
    return
  }
  attempt.answer = 'unknown'
}

/** Whether what other regions said is said of the log as it is. */
function agree({ reports, stream }: Region): boolean {
  return reportsAgree(
    reports.map(({ position }) => position),
    { stampAt: (sequence) => stream.at(sequence)?.localStamp, first: stream.first },
  )
}

function eventOf(region: Region, { id, traits }: Attempt, mark: RetryMark | undefined): Message {
  const base = { kind: 'event', origin: region.name, position: undefined, prev: undefined } as const
  return { ...base, id, recordedMs: region.nowMs, mark, traits, target: 0 }
}
