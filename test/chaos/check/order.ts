import type { History } from '../history/history.ts'
import { OUTCOME } from '../history/publisher-history.ts'
import type { StreamLog } from '../history/stream-log.ts'
import type { Holdings } from './holdings.ts'
import type { Violations } from './violation.ts'

/**
 * I3 between regions: what is in an origin's own stream (the same act of storing, by sequence and stamp) stands in every
 * other region in the origin's order. Records of a dead branch are not in the origin's stream any more and do not count.
 */
export function checkOriginOrder(
  log: StreamLog,
  logs: readonly StreamLog[],
  history: History,
  violations: Violations,
): void {
  const origins = history.regions.map((_, origin) => {
    const own = origin === log.region ? undefined : logs.find(({ region }) => region === origin)
    return own === undefined ? undefined : { own, stamps: stampsOf(own), last: 0 }
  })
  for (let at = 0; at < log.length; at++) {
    const origin = origins[log.origin(at)]
    const sequence = log.sequence(at)
    if (origin === undefined || origin.stamps.get(sequence) !== log.stamp(at)) continue
    if (sequence <= origin.last) {
      violations.add({
        kind: 'order',
        topic: log.topic,
        region: history.regions[log.region] ?? '',
        event: { publisher: log.publisher(at), number: log.number(at) },
        text: `${history.regions[log.origin(at)]}:${sequence} stands after ${origin.last}`,
      })
    }
    origin.last = Math.max(origin.last, sequence)
  }
}

/** The stamp of each of its own records, by sequence. */
function stampsOf(own: StreamLog): ReadonlyMap<number, bigint> {
  const stamps = new Map<number, bigint>()
  for (let at = 0; at < own.length; at++) {
    if (own.origin(at) === own.region) stamps.set(own.sequence(at), own.stamp(at))
  }
  return stamps
}

/**
 * I3 at the origin: events of one publisher and key that this origin stored itself and acknowledged stand in the order in
 * which they were published. A publisher has at most one event of a key under way. Not judged is what another region
 * acknowledged, which may turn up here late (an attempt that was held back), and what the origin gave back for another
 * one: its own stream has such an event under the other's name.
 */
export function checkKeyOrder(log: StreamLog, own: Holdings, history: History, violations: Violations): void {
  const last = new Map<number, number>()
  for (let at = 0; at < log.length; at++) {
    const publisher = log.publisher(at)
    const number = log.number(at)
    const events = history.publishers[publisher]
    const origin = log.origin(at)
    if (events === undefined || events.outcome(number) !== OUTCOME.acknowledged) continue
    if (events.region(number) !== origin || !own.has(publisher, number, origin)) continue
    const lane = (origin * 256 + publisher) * 65_536 + events.key(number)
    const before = last.get(lane) ?? 0
    if (number < before) {
      violations.add({
        kind: 'keyOrder',
        topic: log.topic,
        region: history.regions[log.region] ?? '',
        event: { publisher, number },
        text: `${history.regions[origin]}:${log.sequence(at)} stands after number ${before} of key ${events.key(number)}`,
      })
    }
    last.set(lane, Math.max(before, number))
  }
}
