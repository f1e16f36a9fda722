import type { AccessPolicyDocument, Operation } from '../documents/index.ts'
import { quote } from '../names.ts'
import { unwrap } from '../result.ts'
import { type Condition, compileCondition } from './condition.ts'
import { grantOf, hasQuota, isUnlimited, type Terms } from './grant.ts'
import { compilePattern, type Matcher } from './pattern.ts'
import { compilePrincipal, type PrincipalTest } from './principal.ts'
import type { AccessRequest, Decision, Grant, Principal } from './types.ts'

type CompiledPolicy = {
  readonly terms: Terms
  /** What it grants where it grants it without a limit. */
  readonly unlimited: Grant
  readonly principals: readonly PrincipalTest[]
  readonly operations: ReadonlySet<Operation>
  readonly topics: readonly Matcher[]
  readonly condition: Condition | undefined
}

/** How much of a policy matched a request; the closest policy decides what the refusal says. */
const CLOSENESS = { nothing: 0, principal: 1, operation: 2, topic: 3 } as const
type Closeness = (typeof CLOSENESS)[keyof typeof CLOSENESS]

/** Combinations of policies whose grants are kept; they are made anew beyond it. */
const GRANTS_MAX = 10_000

/**
 * Every policy of a region, compiled.
 *
 * 1. Nothing is allowed unless a policy allows it.
 * 2. A policy counts for topics of its own tenant only.
 * 3. A refusal tells nothing about policies that are not for the caller, and is the same for a tenant that does not
 *    exist as for one that has no policy for the caller.
 * 4. It never changes: a new configuration makes a new set.
 * 5. What is granted is what all policies grant that allow the call, see `grantOf`: another policy never takes anything
 *    away.
 */
export class PolicySet {
  readonly #tenants = new Map<string, CompiledPolicy[]>()
  // By principal: the gateway has one object for all calls with a token.
  readonly #operations = new WeakMap<Principal, ReadonlySet<Operation>>()
  readonly #limitedTenants: ReadonlySet<string>
  /** By operation and policies, those with limits only. */
  readonly #grants = new Map<string, Grant>()

  /** Throws when a condition does not compile; documents that were parsed always do. */
  constructor(policies: Iterable<AccessPolicyDocument>) {
    for (const policy of policies) {
      const compiled = this.#tenants.get(policy.tenant)
      if (compiled === undefined) this.#tenants.set(policy.tenant, [compilePolicy(policy)])
      else compiled.push(compilePolicy(policy))
    }
    const limited = [...this.#tenants].filter(([, compiled]) => compiled.some(({ terms }) => hasQuota(terms.quotas)))
    this.#limitedTenants = new Set(limited.map(([tenant]) => tenant))
  }

  /** Whether any policy of the tenant has a quota. */
  hasQuotas(tenant: string): boolean {
    return this.#limitedTenants.has(tenant)
  }

  /** Decides; never throws. A condition that cannot be evaluated does not hold. */
  decide(request: AccessRequest): Decision {
    const { operation } = request
    let closest: Closeness = CLOSENESS.nothing
    let limited: Terms[] | undefined
    for (const policy of this.#tenants.get(request.tenant) ?? []) {
      const closeness = match(policy, request)
      if (closeness !== 'all') {
        if (closeness > closest) closest = closeness
      } else if (isUnlimited(policy.terms, operation)) return policy.unlimited
      else if (limited === undefined) limited = [policy.terms]
      else limited.push(policy.terms)
    }
    if (limited !== undefined) return this.#grantOf(limited, operation)
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

  #grantOf(policies: readonly Terms[], operation: Operation): Grant {
    const key = `${operation} ${policies.map(({ tenant, name }) => `${tenant}/${name}`).join()}`
    let grant = this.#grants.get(key)
    if (grant === undefined) {
      grant = grantOf(policies, operation)
      if (this.#grants.size >= GRANTS_MAX) this.#grants.clear()
      this.#grants.set(key, grant)
    }
    return grant
  }
}

function compilePolicy({ tenant, name, spec }: AccessPolicyDocument): CompiledPolicy {
  return {
    terms: { tenant, name, masks: spec.masks, quotas: spec.quotas },
    unlimited: Object.freeze({ allowed: true, policy: `${tenant}/${name}` }),
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
