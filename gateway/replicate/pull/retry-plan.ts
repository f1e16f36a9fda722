import type { RepairEnd, RunEnd, StopReason, TroubleKind } from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import type { BackoffRange } from '../backoff.ts'
import type { RunOutcome } from './pull-run.ts'

/** How a run of a pull came to its end, or was brought to it. */
export type PullOutcome =
  | RunOutcome
  /** Another upstream is better. */
  | { readonly kind: 'moved'; readonly to: string }
  /** It stood still though there was something to do. */
  | { readonly kind: 'stalled'; readonly who: 'upstream' | 'applier' }

/** What follows. */
export type NextStep =
  /** The next run, at once. */
  | { readonly kind: 'go-on' }
  /** It was the upstream: the route decides where to go on, and when. */
  | { readonly kind: 'trouble'; readonly trouble: TroubleKind }
  /** It was this region: the same upstream, after a wait. */
  | { readonly kind: 'wait'; readonly retry: RetryClass }

/** A kind of end, with its own backoff. */
export type RetryClass = keyof typeof RETRY_WAITS

/** How long to wait before the next run, by why the last one ended here; in ms. */
export const RETRY_WAITS = {
  /** The next try may do. */
  soon: { minMs: 20, maxMs: 1_000 },
  /** Something failed here. */
  failed: { minMs: 100, maxMs: 2_000 },
  /** Another applier is at work: leave it to it, and look now and then whether it still does. */
  overtaken: { minMs: 200, maxMs: 4_000 },
  /** It cannot go on before somebody acts. */
  stopped: { minMs: 5_000, maxMs: 60_000 },
} as const satisfies Record<string, BackoffRange>

const BY_END = {
  stopped: wait('soon'),
  failed: wait('failed'),
  hole: trouble('broken'),
  fenced: wait('overtaken'),
  overtaken: wait('overtaken'),
  'session-changed': wait('soon'),
} as const satisfies Record<RunEnd, NextStep>

const BY_REPAIR = {
  repaired: { kind: 'go-on' },
  unavailable: trouble('unavailable'),
  overtaken: wait('overtaken'),
  stopped: wait('soon'),
  failed: wait('failed'),
  'session-changed': wait('soon'),
} as const satisfies Record<RepairEnd, NextStep>

const BY_REFUSAL: Partial<Record<RefusalReason, NextStep>> = {
  [RefusalReason.CANNOT_TELL]: trouble('cannot-tell'),
  [RefusalReason.RETENTION_GAP]: trouble('gap'),
  [RefusalReason.UNAVAILABLE]: trouble('unavailable'),
  // It may learn of the topic any moment: no word against its events coming by another way, as a refusal would be.
  [RefusalReason.UNKNOWN_TOPIC]: trouble('cannot-tell'),
}

/** What follows an outcome. */
export function nextStepOf(outcome: PullOutcome): NextStep {
  switch (outcome.kind) {
    case 'moved':
    case 'gap-recorded':
      return { kind: 'go-on' }
    case 'repair':
      return BY_REPAIR[outcome.reason]
    case 'stalled':
      return outcome.who === 'upstream' ? trouble('stalled') : wait('failed')
    case 'link-down':
      return trouble('lost')
    case 'cannot-store':
      return wait('stopped')
    case 'ended':
      return BY_END[outcome.reason]
    case 'refused':
      return BY_REFUSAL[outcome.refusal.reason] ?? trouble('refused')
  }
}

/** Why a pull stands still until somebody acts; undefined when it does not. */
export function stopReasonOf(outcome: PullOutcome): StopReason | undefined {
  if (outcome.kind === 'cannot-store') return 'cannot_store'
  if (outcome.kind === 'repair') return outcome.reason === 'repaired' ? undefined : 'diverged'
  if (outcome.kind !== 'refused') return undefined
  return outcome.refusal.reason === RefusalReason.RETENTION_GAP ? 'retention_gap' : undefined
}

/** The outcome in a few words, for logs and metrics: a closed set. */
export function reasonOf(outcome: PullOutcome): string {
  switch (outcome.kind) {
    case 'ended':
      return outcome.reason
    case 'refused':
      return `refused-${(RefusalReason[outcome.refusal.reason] ?? 'unknown').toLowerCase().replaceAll('_', '-')}`
    case 'stalled':
      return `${outcome.who}-stalled`
    case 'repair':
      return `repair-${outcome.reason}`
    default:
      return outcome.kind
  }
}

/** What there is to say about an outcome, for people. */
export function detailOf(outcome: PullOutcome): string {
  switch (outcome.kind) {
    case 'ended':
    case 'repair':
      return outcome.error?.message ?? ''
    case 'cannot-store':
      return outcome.error.message
    case 'refused':
    case 'gap-recorded':
      return outcome.refusal.message
    case 'link-down':
      return outcome.reason
    case 'moved':
      return `${outcome.to} is the better upstream`
    case 'stalled':
      return outcome.who === 'upstream'
        ? 'it said that there is more, and sent nothing'
        : 'what came is not being stored'
  }
}

function wait(retry: RetryClass): NextStep {
  return { kind: 'wait', retry }
}

function trouble(kind: TroubleKind): NextStep {
  return { kind: 'trouble', trouble: kind }
}
