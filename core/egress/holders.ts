import type { TopicDocument } from '../documents/index.ts'
import { egressOf } from './egress.ts'

/**
 * Which of some regions get these events as they are: undefined for all of them. Only such a region counts when an
 * acknowledgement waits for a second one: a masked event is another event, and one that was kept away is not there.
 */
export function regionsThatHold(
  topic: TopicDocument,
  events: readonly Uint8Array[],
  regions: Iterable<string>,
): ReadonlySet<string> | undefined {
  const egress = egressOf(topic)
  if (egress.isPlain) return undefined
  const { filter, masks } = topic.spec.egress
  if (filter !== undefined || masks.length > 0) return new Set()
  return new Set([...regions].filter((region) => events.every((event) => egress.mayHold(event, region))))
}
