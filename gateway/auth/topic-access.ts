import { type Decision, type Grant, MeshError, type Operation, type Principal, parseTopicName } from '@landbridge/core'
import type { Metrics } from '../telemetry/index.ts'
import type { TopicEntry, TopicRegistry } from '../topics.ts'
import { type Allowance, Quotas } from './quotas.ts'

/** What a caller is granted on a topic. */
export type Access = {
  /** What it sees of an event as it is stored; undefined: all of it. */
  readonly view: Grant['view']
  /** How much; undefined: as much as there is. */
  readonly allowance: Allowance | undefined
  readonly refusal?: undefined
}

/** Answers "may this principal do this on this topic, how much of it, and which topic is it". */
export class TopicAccess {
  readonly #registry: TopicRegistry
  readonly #metrics: Metrics
  readonly #now: () => number
  readonly #quotas = new Quotas()

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
  topic(topicKey: string, principal: Principal, operation: Operation): Access & { readonly topic: TopicEntry } {
    const name = parseTopicName(topicKey)
    if (name.error !== undefined) throw name.error
    const access = this.access(topicKey, principal, operation)
    if (access.refusal !== undefined) {
      this.#metrics.refusals.inc({ reason: 'not_allowed' })
      throw access.refusal
    }
    const topic = this.#registry.get(topicKey)
    if (topic === undefined) {
      throw new MeshError(
        'not_found',
        `topic: ${topicKey} is not known in this region, wanted a topic that was applied`,
      )
    }
    return { ...access, topic }
  }

  /** What the principal is granted on a topic (a valid name), or why it may not do this. */
  access(topicKey: string, principal: Principal, operation: Operation): Access | { readonly refusal: MeshError } {
    const decision = this.#decide(topicKey, principal, operation)
    if (!decision.allowed) return { refusal: new MeshError('permission_denied', decision.reason) }
    return { view: decision.view, allowance: this.#quotas.of(decision, principal, operation) }
  }

  /**
   * How much the principal may do on a topic (a valid name); undefined: as much as there is, or nothing, which is for
   * `topic` to say. Costs next to nothing where no policy of the tenant has a quota.
   */
  allowance(topicKey: string, principal: Principal, operation: Operation): Allowance | undefined {
    const tenant = topicKey.slice(0, topicKey.indexOf('/'))
    if (!this.#registry.snapshot.policies.hasQuotas(tenant)) return undefined
    const decision = this.#decide(topicKey, principal, operation)
    return decision.allowed ? this.#quotas.of(decision, principal, operation) : undefined
  }

  /** The error of a call that is too much for its quota. */
  exhausted(allowance: Allowance): MeshError {
    this.#metrics.refusals.inc({ reason: 'quota' })
    return allowance.refusal()
  }

  /** Why the principal may not do this on a topic (a valid name); undefined when it may. */
  refusal(topicKey: string, principal: Principal, operation: Operation): MeshError | undefined {
    const decision = this.#decide(topicKey, principal, operation)
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

  #decide(topicKey: string, principal: Principal, operation: Operation): Decision {
    const slash = topicKey.indexOf('/')
    const tenant = topicKey.slice(0, slash)
    const topic = topicKey.slice(slash + 1)
    return this.#registry.snapshot.policies.decide({ principal, tenant, topic, operation, now: this.#now() })
  }
}
