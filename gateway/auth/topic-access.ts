import { MeshError, type Operation, type Principal, parseTopicName } from '@landbridge/core'
import type { Metrics } from '../telemetry/index.ts'
import type { TopicEntry, TopicRegistry } from '../topics.ts'

/** Answers "may this principal do this on this topic, and which topic is it". */
export class TopicAccess {
  readonly #registry: TopicRegistry
  readonly #metrics: Metrics
  readonly #now: () => number

  constructor(registry: TopicRegistry, metrics: Metrics, now: () => number) {
    this.#registry = registry
    this.#metrics = metrics
    this.#now = now
  }

  /**
   * The topic, for a principal that may use it so.
   * The policy is asked before the topic is looked up: whoever may not use a topic does not learn whether it exists.
   * @throws MeshError 'invalid_argument' for a malformed name, 'permission_denied', or 'not_found'.
   */
  topic(topicKey: string, principal: Principal, operation: Operation): TopicEntry {
    const name = parseTopicName(topicKey)
    if (name.error !== undefined) throw name.error
    const refusal = this.refusal(topicKey, principal, operation)
    if (refusal !== undefined) {
      this.#metrics.refusals.inc({ reason: 'not_allowed' })
      throw refusal
    }
    const topic = this.#registry.get(topicKey)
    if (topic === undefined) {
      throw new MeshError(
        'not_found',
        `topic: ${topicKey} is not known in this region, wanted a topic that was applied`,
      )
    }
    return topic
  }

  /** Why the principal may not do this on a topic (a valid name); undefined when it may. */
  refusal(topicKey: string, principal: Principal, operation: Operation): MeshError | undefined {
    const slash = topicKey.indexOf('/')
    const tenant = topicKey.slice(0, slash)
    const topic = topicKey.slice(slash + 1)
    const decision = this.#registry.snapshot.policies.decide({ principal, tenant, topic, operation, now: this.#now() })
    return decision.allowed ? undefined : new MeshError('permission_denied', decision.reason)
  }

  /** Whether there is any topic on which the principal might do this; false is final until the policies change. */
  mayAnywhere(principal: Principal, operation: Operation): boolean {
    return this.#registry.snapshot.policies.mayAnywhere(principal, operation)
  }

  /** Why the principal may neither subscribe to nor publish to a topic; undefined when it may see it. */
  invisible(topicKey: string, principal: Principal): MeshError | undefined {
    const refusal = this.refusal(topicKey, principal, 'subscribe')
    return refusal === undefined ? undefined : this.refusal(topicKey, principal, 'publish') && refusal
  }
}
