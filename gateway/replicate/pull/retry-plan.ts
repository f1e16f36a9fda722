import type { RunEnd } from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import type { BackoffRange } from '../backoff.ts'
import type { StopReason } from '../status.ts'
import type { RunOutcome } from './pull-run.ts'

/** A kind of end, with its own backoff. */
export type RetryClass = keyof typeof RETRY_WAITS

/** How long to wait before the next run, by why the last one ended; in ms. */
export const RETRY_WAITS = {
  /** The link was lost or the server asked us to come again: the next link, or the next try, may do. */
  soon: { minMs: 20, maxMs: 1_000 },
  /** Something failed here. */
  failed: { minMs: 100, maxMs: 2_000 },
  /** Another applier is at work: leave it to it, and look now and then whether it still does. */
  overtaken: { minMs: 200, maxMs: 4_000 },
  /** The other side does not serve this pull now: a matter of configuration. */
  refused: { minMs: 200, maxMs: 5_000 },
  /** The peer sent what cannot be right. */
  broken: { minMs: 1_000, maxMs: 30_000 },
  /** It cannot go on before somebody acts. */
  stopped: { minMs: 5_000, maxMs: 60_000 },
} as const satisfies Record<string, BackoffRange>

const BY_END = {
  stopped: 'soon',
  failed: 'failed',
  hole: 'broken',
  fenced: 'overtaken',
  overtaken: 'overtaken',
  'session-changed': 'soon',
} as const satisfies Record<RunEnd, RetryClass>

/** Which backoff an outcome belongs to. */
export function retryClassOf(outcome: RunOutcome): RetryClass {
  if (outcome.kind === 'link-down') return 'soon'
  if (outcome.kind === 'cannot-store') return 'stopped'
  if (outcome.kind === 'ended') return BY_END[outcome.reason]
  switch (outcome.refusal.reason) {
    case RefusalReason.DIVERGED:
    case RefusalReason.RETENTION_GAP:
      return 'stopped'
    case RefusalReason.UNAVAILABLE:
      return 'soon'
    default:
      return 'refused'
  }
}

/** Why a pull stands still until somebody acts; undefined when it does not. */
export function stopReasonOf(outcome: RunOutcome): StopReason | undefined {
  if (outcome.kind === 'cannot-store') return 'cannot_store'
  if (outcome.kind !== 'refused') return undefined
  if (outcome.refusal.reason === RefusalReason.DIVERGED) return 'diverged'
  return outcome.refusal.reason === RefusalReason.RETENTION_GAP ? 'retention_gap' : undefined
}

/** The outcome in a few words, for logs and metrics: a closed set. */
export function reasonOf(outcome: RunOutcome): string {
  if (outcome.kind === 'link-down' || outcome.kind === 'cannot-store') return outcome.kind
  if (outcome.kind === 'ended') return outcome.reason
  return `refused-${(RefusalReason[outcome.refusal.reason] ?? 'unknown').toLowerCase().replaceAll('_', '-')}`
}

/** What there is to say about an outcome, for people. */
export function detailOf(outcome: RunOutcome): string {
  if (outcome.kind === 'link-down') return outcome.reason
  if (outcome.kind === 'cannot-store') return outcome.error.message
  if (outcome.kind === 'ended') return outcome.error?.message ?? ''
  return outcome.refusal.message
}
