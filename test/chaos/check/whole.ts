import type { History } from '../history/history.ts'
import { OUTCOME } from '../history/publisher-history.ts'
import type { StreamLog } from '../history/stream-log.ts'
import { Holdings } from './holdings.ts'

/**
 * Whether every event of quorum topics that was acknowledged by `untilMs` is in all regions that hold its topic, those
 * left out that are in none. From then on a region that forgets takes none of them along.
 * @param streams one for each region and quorum topic
 */
export function isWhole(history: History, streams: readonly StreamLog[], untilMs: number): boolean {
  const held = new Holdings(history)
  for (const log of streams) {
    for (let at = 0; at < log.length; at++) held.add(log.publisher(at), log.number(at), log.region)
  }
  const quorum = history.topics.filter(({ durability }) => durability === 'quorum')
  for (const { name, regions } of quorum) {
    const wanted = regions.reduce((mask, region) => mask | (1 << history.regionIndex(region)), 0)
    for (const [index, publisher] of history.publishers.entries()) {
      if (publisher.info.topic !== name) continue
      for (let number = 1; number <= publisher.last; number++) {
        if (publisher.outcome(number) !== OUTCOME.acknowledged || publisher.endedMs(number) > untilMs) continue
        const mask = held.of(index, number)
        if (mask !== 0 && (wanted & ~mask) !== 0) return false
      }
    }
  }
  return true
}
