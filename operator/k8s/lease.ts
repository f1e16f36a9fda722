/**
 * Leader election by a coordination.k8s.io/v1 Lease: the decisions. Times of this process are by its monotonic clock,
 * in ms: the clocks of two machines are never compared, a lease counts as abandoned when this process has seen it
 * unchanged for its whole duration.
 */

/** The spec of a Lease, as far as it matters. */
export type LeaseSpec = {
  readonly holderIdentity?: string | undefined
  readonly leaseDurationSeconds?: number | undefined
  readonly leaseTransitions?: number | undefined
  /** RFC 3339 with microseconds. */
  readonly acquireTime?: string | undefined
  readonly renewTime?: string | undefined
}

/** What this process has seen of the lease. */
export type LeaseView = {
  readonly spec: LeaseSpec
  readonly resourceVersion: string
  /** When this version was first seen. */
  readonly sinceMs: number
}

/** What to do now. */
export type LeaseStep =
  /** There is no lease, make one. */
  | { readonly kind: 'create' }
  /** It is ours (renew) or free (take it): write it upon the version that was seen. */
  | { readonly kind: 'renew' | 'take' }
  /** Somebody holds it: look again. */
  | { readonly kind: 'wait'; readonly forMs: number }

/** How long leases last. */
export type LeaseTimes = {
  /** A leader that was silent for this long may be replaced. */
  readonly durationMs: number
  /** A leader that could not renew for this long stops; shorter than the duration. */
  readonly giveUpMs: number
  /** How often it renews and others look. */
  readonly everyMs: number
}

/** Failover within the duration and one look: at most 12 s. */
export const LEASE_TIMES: LeaseTimes = { durationMs: 10_000, giveUpMs: 6_000, everyMs: 2_000 }

/** Decides the next step of the election. */
export function nextLeaseStep(
  identity: string,
  view: LeaseView | undefined,
  nowMs: number,
  times: LeaseTimes,
): LeaseStep {
  if (view === undefined) return { kind: 'create' }
  const { holderIdentity: holder = '' } = view.spec
  if (holder === identity) return { kind: 'renew' }
  if (holder === '') return { kind: 'take' }
  const durationMs = (view.spec.leaseDurationSeconds ?? times.durationMs / 1_000) * 1_000
  const leftMs = view.sinceMs + durationMs - nowMs
  return leftMs <= 0 ? { kind: 'take' } : { kind: 'wait', forMs: Math.min(leftMs, times.everyMs) }
}

/**
 * Whether a leader may act: its last renewal that the server confirmed was *sent* less than `giveUpMs` ago. A process
 * that was stopped in between finds out here before it writes anything.
 */
export function mayAct(renewSentMs: number | undefined, nowMs: number, times: LeaseTimes): boolean {
  return renewSentMs !== undefined && nowMs - renewSentMs < times.giveUpMs
}
