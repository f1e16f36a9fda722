import { type ConditionClaim, mergeConditions } from '../k8s/index.ts'
import type { Following } from '../region/index.ts'
import { ANNOTATION } from './plan.ts'
import type { MeshResource, Plan, ResourceStatus, Verdict } from './types.ts'

/** How the steps of a plan went, and what the gateways do with it. */
export type Outcome = {
  readonly plan: Plan
  /** "found": what others changed is shown, the steps follow. "done": they were taken. */
  readonly stage: 'found' | 'done'
  /** Why a step failed; undefined when all went well. */
  readonly error: { readonly message: string; readonly refused: boolean } | undefined
  /** Gateways that run a configuration with it, and all that were heard; undefined when nobody knows. */
  readonly gateways: Following | undefined
  /** Revision of the configuration that holds it; undefined when unknown. */
  readonly revision: number | undefined
  /** What works less well than it should, in words; undefined: nothing. */
  readonly degraded: { readonly reason: string; readonly message: string } | undefined
  /** What only this kind reports. */
  readonly extras: Readonly<Record<string, unknown>>
  readonly nowMs: number
}

const MESSAGE_LENGTH_MAX = 1_024

/**
 * The status after a reconciliation. Pure. Conditions follow kstatus: Ready says how it is, Reconciling that it will
 * change by itself, Stalled that somebody must act; the last two are there only while they are true.
 */
export function statusAfter(resource: MeshResource, outcome: Outcome): ResourceStatus {
  const { plan, nowMs } = outcome
  const { generation = 0 } = resource.metadata
  const conditions = mergeConditions(resource.status?.conditions, claimsOf(resource, outcome), generation, nowMs)
  const { revision } = outcome
  const repaired = outcome.stage === 'done' && outcome.error === undefined
  const drift = driftOf(resource, plan, repaired, nowMs)
  const shown = gatewaysText(resource.status, outcome)
  return {
    observedGeneration: generation,
    conditions,
    ...outcome.extras,
    ...(revision === undefined ? {} : { revision }),
    ...(shown === undefined ? {} : { gateways: shown }),
    ...(drift === undefined ? {} : { drift }),
  }
}

function claimsOf(resource: MeshResource, outcome: Outcome): readonly ConditionClaim[] {
  const { plan, error, degraded, stage } = outcome
  const found = stage === 'found'
  const ready = error !== undefined ? failed(error) : found ? drifted(plan) : readyOf(plan.verdict)
  const claims: ConditionClaim[] = [
    claim('Ready', ready.status, ready.reason, ready.message),
    syncedOf(resource, outcome, ready),
  ]
  if (plan.drift.length > 0 && (found || error !== undefined)) {
    claims.push(claim('Drifted', 'True', 'ChangedByOthers', plan.drift.join(', ')))
  } else claims.push(claim('Drifted', 'False', 'AsDeclared', ''))
  claims.push(pausedOf(plan.verdict))
  if (degraded === undefined) claims.push(claim('Degraded', 'False', 'AsExpected', ''))
  else claims.push(claim('Degraded', 'True', degraded.reason, degraded.message))
  if (ready.phase === 'reconciling') claims.push(claim('Reconciling', 'True', ready.reason, ready.message))
  if (ready.phase === 'stalled') claims.push(claim('Stalled', 'True', ready.reason, ready.message))
  return claims
}

type Ready = {
  readonly status: ConditionClaim['status']
  readonly reason: string
  readonly message: string
  readonly phase: 'settled' | 'reconciling' | 'stalled'
}

function readyOf(verdict: Verdict): Ready {
  switch (verdict.kind) {
    case 'in-place':
      return { status: 'True', reason: 'InPlace', message: '', phase: 'settled' }
    case 'paused':
      return unready('Paused', 'reconciliation is paused by an annotation', 'settled')
    case 'unmanaged':
      return unready('Unmanaged', 'the operator keeps its hands off it, as an annotation asks', 'settled')
    case 'invalid':
      return unready('Invalid', verdict.message, 'stalled')
    case 'claimed':
      return unready('ClaimedByOther', claimedText(verdict), 'stalled')
    case 'refused':
      return unready(verdict.reason, verdict.message, 'stalled')
    case 'held':
      return unready('DeletionHeld', `the deletion waits: ${verdict.waitsFor.join('; ')}`, 'reconciling')
    case 'deleted':
      return unready('Deleting', 'it is being deleted', 'reconciling')
  }
}

function claimedText({ by, recorded }: Extract<Verdict, { kind: 'claimed' }>): string {
  const text = `${by} is older and has the same name in the region`
  return recorded ? `${text}; when it is gone for good, ${ANNOTATION.adopt}: "true" takes its place` : text
}

function drifted({ drift }: Plan): Ready {
  return unready('Drifted', `others changed it, it is being repaired: ${drift.join(', ')}`, 'reconciling')
}

function unready(reason: string, message: string, phase: Ready['phase']): Ready {
  return { status: 'False', reason, message, phase }
}

function failed(error: { readonly message: string; readonly refused: boolean }): Ready {
  if (error.refused) return unready('Refused', error.message, 'stalled')
  return unready('Failed', `${error.message}; it is tried again`, 'reconciling')
}

function syncedOf(resource: MeshResource, { gateways, error, plan }: Outcome, ready: Ready): ConditionClaim {
  if (ready.status !== 'True' || error !== undefined || plan.verdict.kind !== 'in-place') {
    return claim('Synced', plan.verdict.kind === 'paused' ? 'Unknown' : 'False', ready.reason, ready.message)
  }
  if (gateways === undefined) {
    const before = resource.status?.conditions?.find(({ type }) => type === 'Synced')
    // An operator that has just started has not heard them yet: what was known stands.
    const stands = plan.steps.length === 0 && before?.observedGeneration === resource.metadata.generation
    if (stands && before !== undefined && GATEWAY_REASONS.has(before.reason)) {
      return claim('Synced', before.status, before.reason, before.message)
    }
    return claim('Synced', 'Unknown', 'GatewaysUnknown', 'the gateways of the region were not heard yet')
  }
  if (gateways.all === 0) return claim('Synced', 'Unknown', 'NoGateways', 'no gateway of the region is heard')
  if (gateways.following < gateways.all) {
    const behind = gateways.all - gateways.following
    return claim('Synced', 'False', 'GatewaysFollowing', `${behind} of ${gateways.all} gateways do not run it yet`)
  }
  return claim('Synced', 'True', 'InPlace', '')
}

/** Reasons of Synced that speak of gateways. */
const GATEWAY_REASONS: ReadonlySet<string> = new Set(['InPlace', 'GatewaysFollowing', 'NoGateways', 'GatewaysUnknown'])

/**
 * "2/3": how many gateways run it, of all. As long as all of them do, a gateway more or less is no news: ten thousand
 * resources would be written for each.
 */
function gatewaysText(before: ResourceStatus | undefined, { gateways, plan }: Outcome): string | undefined {
  if (plan.verdict.kind !== 'in-place') return undefined
  const shown = typeof before?.gateways === 'string' ? before.gateways : undefined
  if (gateways === undefined) return shown
  const isComplete = gateways.all > 0 && gateways.following === gateways.all
  const [following, all] = (shown ?? '').split('/')
  if (isComplete && following === all && all !== '0' && shown !== undefined) return shown
  return `${gateways.following}/${gateways.all}`
}

function pausedOf({ kind }: Verdict): ConditionClaim {
  if (kind === 'paused') return claim('Paused', 'True', 'Annotation', 'landbridge.dev/paused is "true"')
  if (kind === 'unmanaged') return claim('Paused', 'True', 'Annotation', 'landbridge.dev/unmanaged is "true"')
  return claim('Paused', 'False', 'Active', '')
}

function driftOf(resource: MeshResource, plan: Plan, repaired: boolean, nowMs: number): ResourceStatus['drift'] {
  const before = resource.status?.drift
  if (plan.drift.length === 0 || !repaired) return before
  return {
    repairs: (before?.repairs ?? 0) + 1,
    lastTime: new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    lastChanges: plan.drift.join(', ').slice(0, MESSAGE_LENGTH_MAX),
  }
}

function claim(type: string, status: ConditionClaim['status'], reason: string, message: string): ConditionClaim {
  return { type, status, reason, message: message.slice(0, MESSAGE_LENGTH_MAX) }
}
