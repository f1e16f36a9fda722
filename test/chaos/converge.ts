import { setTimeout as sleep } from 'node:timers/promises'
import { isControlSubject, parseTopicName, streamName, unwrap } from '@landbridge/core'
import type { LabRegion } from '@landbridge/lab'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { ChaosTopic } from './history/history.ts'

const POLL_MS = 250
const ASK_TIMEOUT_MS = 2_000

/**
 * Waits until all regions of each topic without private events hold the same number of events: each event is in each region's stream once, under
 * whatever origin, so equal numbers mean equal sets as soon as nothing moves. Returns false when `deadline` passes
 * before, by `now`.
 */
export async function whenEven(
  regions: readonly LabRegion[],
  topics: readonly ChaosTopic[],
  deadline: number,
  now: () => number,
): Promise<boolean> {
  await using sessions = new AsyncDisposableStack()
  const open = new Map<string, NatsConnection>()
  for (const { name, natsUrls } of regions) {
    const connection = await connect({ servers: [...natsUrls], maxReconnectAttempts: -1, name: 'chaos watcher' })
    sessions.defer(() => connection.close())
    open.set(name, connection)
  }
  const isEven = async (topic: ChaosTopic) => {
    const holders = [...open].filter(([name]) => topic.regions.includes(name))
    const counts = await Promise.all(holders.map(([, connection]) => countEvents(connection, topic)))
    return counts.every((count) => count !== undefined && count === counts[0])
  }
  // Private events are in one region only: numbers tell nothing there.
  const countable = topics.filter(({ guarded }) => guarded !== true)
  while (now() < deadline) {
    const even = await Promise.all(countable.map((topic) => isEven(topic)))
    if (even.every((is) => is)) return true
    await sleep(POLL_MS)
  }
  return false
}

/** Events of a topic, control records left out; undefined when the region cannot tell now. */
async function countEvents(connection: NatsConnection, topic: ChaosTopic): Promise<number | undefined> {
  try {
    const manager = await jetstreamManager(connection, { timeout: ASK_TIMEOUT_MS })
    const name = unwrap(parseTopicName(topic.name))
    const { state } = await manager.streams.info(streamName(name), { subjects_filter: '>' })
    return Object.entries(state.subjects ?? {}).reduce(
      (sum, [subject, count]) => (isControlSubject(subject) ? sum : sum + count),
      0,
    )
  } catch {
    return undefined
  }
}
