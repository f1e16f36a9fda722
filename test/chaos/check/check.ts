import { type ChaosTopic, type History, isPrivate } from '../history/history.ts'
import { OUTCOME, type PublisherHistory } from '../history/publisher-history.ts'
import type { StreamLog } from '../history/stream-log.ts'
import { Holdings, ownHoldings } from './holdings.ts'
import { checkKeyOrder, checkOriginOrder } from './order.ts'
import { type Violation, Violations } from './violation.ts'
import { excuseOf, type Wipe } from './wipe.ts'

/** More receipts of batches than this that name one region cannot be the few batches that were sent again. */
const NARROW_SHARE_MAX = 0.1

/** Everything that a verdict rests on. */
export type CheckInput = {
  readonly history: History
  /** One for each region and topic. */
  readonly streams: readonly StreamLog[]
  /** What regions were made to forget. */
  readonly wipes: readonly Wipe[]
}

/** Events whose loss nobody could prevent. */
export type Excused = {
  events: number
  /** Those of topics that acknowledge by quorum, among them: none, as long as one region forgets at a time. */
  quorum: number
  /** Those that might not leave the region that forgot them, among them: there never was a copy. */
  confined: number
  /** Of the others, the longest time from an acknowledgement to the moment when its region forgot the event. */
  ageMs: number
}

/** Receipts for several events of a quorum topic, in events. */
export type Batched = {
  events: number
  /**
   * Those whose receipt names one region. When events of a batch had been stored before, each may have its second region,
   * and all together none: the receipt cannot tell that from a quorum that was not waited for.
   */
  narrow: number
}

/** The verdict. */
export type CheckReport = {
  readonly counts: Violations['counts']
  readonly total: number
  readonly examples: readonly Violation[]
  /** Acknowledged events that are gone because every known copy was wiped on purpose. */
  readonly excused: Excused
  readonly batched: Batched
  /** Events that each region's streams hold. */
  readonly storedByRegion: Readonly<Record<string, number>>
}

/**
 * Judges a history by what every region's streams hold when all faults are over (I1 to I4). Pure; takes a moment for each
 * million of events.
 */
export function check({ history, streams, wipes }: CheckInput): CheckReport {
  const violations = new Violations()
  const storedByRegion: Record<string, number> = Object.fromEntries(history.regions.map((name) => [name, 0]))
  const excused: Excused = { events: 0, quorum: 0, confined: 0, ageMs: 0 }
  const batched: Batched = { events: 0, narrow: 0 }
  for (const topic of history.topics) {
    const logs = streams.filter((log) => log.topic === topic.name)
    const held = new Holdings(history)
    const own = ownHoldings(logs, history)
    for (const log of logs) {
      const region = history.regions[log.region] ?? ''
      storedByRegion[region] = (storedByRegion[region] ?? 0) + log.length
      for (const text of log.strangers)
        violations.add({ kind: 'stranger', topic: topic.name, region, event: undefined, text })
      for (const text of log.leaks) {
        violations.add({ kind: 'residency', topic: topic.name, region, event: undefined, text })
      }
      takeLog(log, region, held, violations, topic.guarded === true)
      checkOriginOrder(log, logs, history, violations)
      checkKeyOrder(log, own, history, violations)
    }
    for (const [index, publisher] of history.publishers.entries()) {
      if (publisher.info.topic !== topic.name) continue
      checkPublisher({ history, topic, index, publisher, held, wipes, violations, excused })
      checkReceipts({ history, topic, index, publisher, violations, batched })
    }
  }
  const { counts, total, examples } = violations
  return { counts, total, examples, excused, batched, storedByRegion }
}

function takeLog(log: StreamLog, region: string, held: Holdings, violations: Violations, guarded: boolean): void {
  for (let at = 0; at < log.length; at++) {
    const event = { publisher: log.publisher(at), number: log.number(at) }
    if (guarded && isPrivate(event.number) && log.origin(at) !== log.region) {
      violations.add({
        kind: 'residency',
        topic: log.topic,
        region,
        event,
        text: 'private, and stored elsewhere first',
      })
    }
    if (held.add(event.publisher, event.number, log.region)) continue
    const text = `once more as ${log.origin(at)}:${log.sequence(at)}`
    violations.add({ kind: 'duplicate', topic: log.topic, region, event, text })
  }
}

function checkPublisher(input: {
  readonly history: History
  readonly topic: ChaosTopic
  readonly index: number
  readonly publisher: PublisherHistory
  readonly held: Holdings
  readonly wipes: readonly Wipe[]
  readonly violations: Violations
  readonly excused: Excused
}): void {
  const { history, topic, index, publisher, held, wipes, violations, excused } = input
  const wanted = topic.regions.reduce((mask, name) => mask | (1 << history.regionIndex(name)), 0)
  const namesOf = (mask: number) => history.regions.filter((_, place) => (mask & (1 << place)) !== 0).join(', ')
  for (let number = 1; number <= publisher.last; number++) {
    const event = { publisher: index, number }
    const note = (kind: Violation['kind'], text: string, region = '') =>
      violations.add({ kind, topic: topic.name, region, event, text })
    const stays = topic.guarded === true && isPrivate(number)
    const mask = stays ? held.of(index, number) & keeperOf(publisher, number) : held.of(index, number)
    const outcome = publisher.outcome(number)
    const isAcknowledged = outcome === OUTCOME.acknowledged
    if ((mask & ~wanted) !== 0) note('residency', `held by ${namesOf(mask & ~wanted)}`)
    if (mask === 0) {
      if (!isAcknowledged) continue
      // Copies of a private event that other attempts stored elsewhere are no use to the region that acknowledged it.
      const witnesses = stays ? [] : history.regions.map((_, place) => place)
      const ageMs = excuseOf(publisher, number, witnesses, wipes)
      if (ageMs === undefined) {
        note('lost', `acknowledged by ${history.regions[publisher.region(number) ?? -1] ?? 'a stranger'}`)
        continue
      }
      excused.events++
      if (topic.durability === 'quorum' && !publisher.degraded(number)) excused.quorum++
      if (stays) excused.confined++
      else excused.ageMs = Math.max(excused.ageMs, Math.round(ageMs))
      continue
    }
    if (outcome === OUTCOME.refused) note('refused', `held by ${namesOf(mask)}`)
    const without = stays ? 0 : wanted & ~mask
    if (without !== 0) note(isAcknowledged ? 'missing' : 'differing', `held by ${namesOf(mask)}`, namesOf(without))
  }
}

/** Whether receipts of a quorum topic name two regions, or say that they could not be had. */
function checkReceipts(input: {
  readonly history: History
  readonly topic: ChaosTopic
  readonly index: number
  readonly publisher: PublisherHistory
  readonly violations: Violations
  readonly batched: Batched
}): void {
  const { history, topic, index, publisher, violations, batched } = input
  if (topic.durability !== 'quorum') return
  const narrow: number[] = []
  let judged = 0
  for (let number = 1; number <= publisher.last; number++) {
    if (publisher.outcome(number) !== OUTCOME.acknowledged || publisher.degraded(number)) continue
    judged++
    if (bits(publisher.holders(number)) < 2) narrow.push(number)
  }
  const isBatched = publisher.info.batched === true
  if (isBatched) {
    batched.events += judged
    batched.narrow += narrow.length
    if (narrow.length <= judged * NARROW_SHARE_MAX) return
  }
  for (const number of narrow) {
    const named = history.regions.filter((_, place) => (publisher.holders(number) & (1 << place)) !== 0).join(', ')
    const share = isBatched ? `, as do ${narrow.length} of ${judged} receipts` : ''
    const event = { publisher: index, number }
    const text = `names ${named || 'nobody'}${share}`
    violations.add({ kind: 'quorum', topic: topic.name, region: '', event, text })
  }
}

/** Who must hold a private event: the region that acknowledged it; before that, anyone may. */
function keeperOf(publisher: PublisherHistory, number: number): number {
  const region = publisher.region(number)
  return region === undefined ? ~0 : 1 << region
}

function bits(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
