import fc from 'fast-check'
import type { TopicName } from '../names.ts'

/** DNS labels: names of tenants and regions. */
export const labels = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?$/)

/** Names of topics. */
export const topicNames: fc.Arbitrary<TopicName> = fc
  .tuple(labels, fc.array(labels, { minLength: 1, maxLength: 4 }))
  .map(([tenant, parts]) => ({ tenant, topic: parts.join('.') }))
