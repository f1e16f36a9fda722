import type { MaskRule, Operation, Quota } from '../documents/index.ts'
import { eventViewOf } from '../egress/index.ts'
import type { Grant } from './types.ts'

/** What of a policy counts once it allows a call. */
export type Terms = {
  readonly tenant: string
  readonly name: string
  readonly masks: readonly MaskRule[]
  readonly quotas: Quota
}

/** Whether a policy that allows the operation allows it without any limit: then no other policy can add anything. */
export function isUnlimited({ masks, quotas }: Terms, operation: Operation): boolean {
  if (operation === 'admin') return true
  if (hasQuota(quotas)) return false
  return operation === 'publish' || masks.length === 0
}

/**
 * What several policies of one tenant that all allow an operation grant together.
 *
 * 1. Shown is what any of them shows.
 * 2. Among policies with the same masks the largest limit of each figure counts. Where different masks together show more
 *    than any policy alone, the smallest: nobody gets the whole view at a rate that was meant for less. A policy without
 *    masks shows everything by itself, so those with masks do not count beside it.
 */
export function grantOf(policies: readonly Terms[], operation: Operation): Grant {
  const views = operation === 'subscribe' ? policies.map(({ masks }) => masks) : [[]]
  const view = eventViewOf(views, policies[0]?.tenant ?? '')
  const counted = view === undefined && operation === 'subscribe' ? policies.filter(showsAll) : policies
  const byMasks = Map.groupBy(counted, ({ masks }) => (view === undefined ? '' : JSON.stringify(masks)))
  const quotas = [...byMasks.values()].map((same) => same.map((policy) => policy.quotas).reduce(combined(Math.max)))
  const quota = quotas.reduce(combined(Math.min))
  return Object.freeze({
    allowed: true,
    policy: counted.map(({ tenant, name }) => `${tenant}/${name}`).join(','),
    ...(view === undefined ? {} : { view }),
    ...(hasQuota(quota) ? { quota } : {}),
  })
}

/** Whether there is any limit. */
export function hasQuota({ eventsPerSecond, bytesPerSecond }: Quota): boolean {
  return eventsPerSecond !== undefined || bytesPerSecond !== undefined
}

function showsAll({ masks }: Terms): boolean {
  return masks.length === 0
}

/** Figure by figure; no limit is more than any. */
function combined(pick: (a: number, b: number) => number): (a: Quota, b: Quota) => Quota {
  const figure = (a: number | undefined, b: number | undefined) => {
    const picked = pick(a ?? Number.POSITIVE_INFINITY, b ?? Number.POSITIVE_INFINITY)
    return picked === Number.POSITIVE_INFINITY ? undefined : picked
  }
  return (a, b) => ({
    eventsPerSecond: figure(a.eventsPerSecond, b.eventsPerSecond),
    bytesPerSecond: figure(a.bytesPerSecond, b.bytesPerSecond),
  })
}
