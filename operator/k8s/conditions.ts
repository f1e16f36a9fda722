/** A condition of a resource's status, as meta/v1 defines it. */
export type Condition = {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  /** CamelCase, never empty. */
  readonly reason: string
  readonly message: string
  /** RFC 3339; when `status` last changed. */
  readonly lastTransitionTime: string
  /** The spec that it is about. */
  readonly observedGeneration: number
}

/** A condition as a report states it. */
export type ConditionClaim = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/**
 * The conditions after a reconciliation, ordered as claimed. `lastTransitionTime` moves only where the status changes;
 * conditions that nobody claims any more go.
 */
export function mergeConditions(
  before: readonly Condition[] | undefined,
  claims: readonly ConditionClaim[],
  observedGeneration: number,
  nowMs: number,
): readonly Condition[] {
  // Kubernetes keeps whole seconds.
  const now = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
  return claims.map((claim) => {
    const old = before?.find(({ type }) => type === claim.type)
    const lastTransitionTime = old?.status === claim.status ? old.lastTransitionTime : now
    return { ...claim, lastTransitionTime, observedGeneration }
  })
}

/** The status of a condition; undefined when it is not there. */
export function statusOf(conditions: readonly Condition[] | undefined, type: string): Condition['status'] | undefined {
  return conditions?.find((condition) => condition.type === type)?.status
}
