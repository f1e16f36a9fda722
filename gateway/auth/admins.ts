import { MeshError, type Principal } from '@landbridge/core'
import type { AdminMatcher } from '../config.ts'
import type { TopicRegistry } from '../topics.ts'

/** Answers who may administer: the region's administrators everything, others what a policy's `admin` allows. */
export class AdminAccess {
  readonly #admins: readonly AdminMatcher[]
  readonly #registry: TopicRegistry
  readonly #now: () => number

  constructor(admins: readonly AdminMatcher[], registry: TopicRegistry, now: () => number) {
    this.#admins = admins
    this.#registry = registry
    this.#now = now
  }

  /** Whether the principal is an administrator of the whole region, by the gateway's configuration. */
  isRegionAdmin(principal: Principal): boolean {
    return this.#admins.some((matcher) => matches(matcher, principal))
  }

  /** Whether there is anything that the principal might administer. */
  mayAnything(principal: Principal): boolean {
    return this.isRegionAdmin(principal) || this.#registry.snapshot.policies.mayAnywhere(principal, 'admin')
  }

  /** Why the principal may not administer the region; undefined when it may. */
  regionRefusal(principal: Principal): MeshError | undefined {
    if (this.isRegionAdmin(principal)) return undefined
    return new MeshError('permission_denied', 'admin: wanted an administrator of the region (LANDBRIDGE_ADMINS)')
  }

  /** Why the principal may not administer a topic of a tenant ('' for the tenant as a whole); undefined when it may. */
  tenantRefusal(principal: Principal, tenant: string, topic: string): MeshError | undefined {
    if (this.isRegionAdmin(principal)) return undefined
    const { policies } = this.#registry.snapshot
    const decision = policies.decide({ principal, tenant, topic, operation: 'admin', now: this.#now() })
    return decision.allowed ? undefined : new MeshError('permission_denied', decision.reason)
  }
}

function matches({ by, value }: AdminMatcher, principal: Principal): boolean {
  // A certificate's subject must not pass for a token's.
  if (by === 'sub') return principal.kind === 'jwt' && principal.subject === value
  if (by === 'group') return principal.kind === 'jwt' && principal.groups.includes(value)
  return principal.spiffe === value
}
