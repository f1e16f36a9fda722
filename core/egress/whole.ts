import type { TopicDocument } from '../documents/index.ts'
import { allows } from './classification.ts'

/**
 * Whether another region gets every event of a topic, as it is: nothing is filtered or masked, and it may hold every
 * classification. Only such a region counts when an acknowledgement waits for a second one.
 */
export function getsWhole({ spec }: TopicDocument, region: string): boolean {
  const { filter, masks, classifications } = spec.egress
  return filter === undefined && masks.length === 0 && classifications.every((rule) => allows(rule, region))
}
