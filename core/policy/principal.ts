import type { PrincipalMatcher } from '../documents/index.ts'
import { compilePattern } from './pattern.ts'
import type { Principal } from './types.ts'

/** True when a principal is one that a policy is for. */
export type PrincipalTest = (principal: Principal) => boolean

/** Compiles a matcher: all of its fields must match. One without fields matches nobody. */
export function compilePrincipal(matcher: PrincipalMatcher): PrincipalTest {
  const { subject, issuer, group, spiffe, claim } = matcher
  const tests: PrincipalTest[] = []
  // A certificate's subject must not pass for a token's, so these look at tokens only.
  const token = (test: PrincipalTest) => tests.push((principal) => principal.kind === 'jwt' && test(principal))
  if (subject !== undefined) {
    const matches = compilePattern(subject)
    token((principal) => matches(principal.subject))
  }
  if (issuer !== undefined) token((principal) => principal.issuer === issuer)
  if (group !== undefined) token((principal) => principal.groups.includes(group))
  if (claim !== undefined) token((principal) => hasClaim(principal.claims, claim.name, claim.value))
  if (spiffe !== undefined) {
    const matches = compilePattern(spiffe)
    tests.push((principal) => principal.spiffe !== undefined && matches(principal.spiffe))
  }
  return (principal) => tests.length > 0 && tests.every((test) => test(principal))
}

function hasClaim(claims: Principal['claims'], name: string, value: string | number | boolean): boolean {
  if (!Object.hasOwn(claims, name)) return false
  const claim = claims[name]
  return Array.isArray(claim) ? claim.includes(value) : claim === value
}
