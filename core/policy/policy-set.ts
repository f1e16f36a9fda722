import type { AccessPolicyDocument, Operation } from '../documents/index.ts'
import { quote } from '../names.ts'
import { unwrap } from '../result.ts'
import { type Condition, compileCondition } from './condition.ts'
import { compilePattern, type Matcher } from './pattern.ts'
import { compilePrincipal, type PrincipalTest } from './principal.ts'
import type { AccessRequest, Decision, Principal } from './types.ts'

type CompiledPolicy = {
  readonly allowed: Decision
  readonly principals: readonly PrincipalTest[]
  readonly operations: ReadonlySet<Operation>
  readonly topics: readonly Matcher[]
  readonly condition: Condition | undefined
}

/** How much of a policy matched a request; the closest policy decides what the refusal says. */
const CLOSENESS = { nothing: 0, principal: 1, operation: 2, topic: 3 } as const
type Closeness = (typeof CLOSENESS)[keyof typeof CLOSENESS]

/**
 * Every policy of a region, compiled.
 *
 * 1. Nothing is allowed unless a policy allows it.
 * 2. A policy counts for topics of its own tenant only.
 * 3. A refusal tells nothing about policies that are not for the caller, and is the same for a tenant that does not
 *    exist as for one that has no policy for the caller.
 * 4. It never changes: a new configuration makes a new set.
 */
export class PolicySet {
  readonly #tenants = new Map<string, CompiledPolicy[]>()
  // By principal: the gateway has one object for all calls with a token.
  readonly #operations = new WeakMap<Principal, ReadonlySet<Operation>>()

  /** Throws when a condition does not compile; documents that were parsed always do. */
  constructor(policies: Iterable<AccessPolicyDocument>) {
    for (const policy of policies) {
      const compiled = this.#tenants.get(policy.tenant)
      if (compiled === undefined) this.#tenants.set(policy.tenant, [compilePolicy(policy)])
      else compiled.push(compilePolicy(policy))
    }
  }

  /** Decides; never throws. A condition that cannot be evaluated does not hold. */
  decide(request: AccessRequest): Decision {
    let closest: Closeness = CLOSENESS.nothing
    for (const policy of this.#tenants.get(request.tenant) ?? []) {
      const closeness = match(policy, request)
      if (closeness === 'all') return policy.allowed
      if (closeness > closest) closest = closeness
    }
    return { allowed: false, reason: reasonOf(closest, request) }
  }

  /** Whether some policy names the principal for the operation, on whatever topic and condition: else all is refused. */
  mayAnywhere(principal: Principal, operation: Operation): boolean {
    let operations = this.#operations.get(principal)
    if (operations === undefined) {
      const found = [...this.#tenants.values()].flat().filter(({ principals }) => principals.some((t) => t(principal)))
      operations = new Set(found.flatMap((policy) => [...policy.operations]))
      this.#operations.set(principal, operations)
    }
    return operations.has(operation)
  }
}

function compilePolicy({ tenant, name, spec }: AccessPolicyDocument): CompiledPolicy {
  return {
    allowed: Object.freeze({ allowed: true, policy: `${tenant}/${name}` }),
    principals: spec.principals.map(compilePrincipal),
    operations: new Set(spec.operations),
    topics: spec.topics.map(compilePattern),
    condition: spec.condition === undefined ? undefined : unwrap(compileCondition(spec.condition)),
  }
}

function match(policy: CompiledPolicy, request: AccessRequest): Closeness | 'all' {
  if (!policy.principals.some((test) => test(request.principal))) return CLOSENESS.nothing
  if (!policy.operations.has(request.operation)) return CLOSENESS.principal
  if (!policy.topics.some((test) => test(request.topic))) return CLOSENESS.operation
  if (policy.condition !== undefined && !policy.condition(request)) return CLOSENESS.topic
  return 'all'
}

function reasonOf(closest: Closeness, { principal, tenant, topic, operation }: AccessRequest): string {
  const wanted = `wanted an AccessPolicy of tenant ${quote(tenant)} that allows ${operation} on ${quote(topic)}`
  switch (closest) {
    case CLOSENESS.nothing:
      return `access: no policy is for ${quote(principal.subject)}, ${wanted}`
    case CLOSENESS.principal:
      return `access: no policy for ${quote(principal.subject)} allows ${operation}, ${wanted}`
    case CLOSENESS.operation:
      return `access: policies for ${quote(principal.subject)} allow ${operation} on other topics only, ${wanted}`
    case CLOSENESS.topic:
      return `access: the condition of the policy for ${quote(principal.subject)} does not hold, ${wanted}`
  }
}
