import type { MeshResource } from './types.ts'

/** What a reconciliation does, in this order; one that has nothing to apply has no such part. */
export type Phase = 'observe' | 'plan' | 'apply' | 'report'

/** How a reconciliation went: `unchanged` when nothing was written. */
export type ReconcileResult = 'unchanged' | 'changed' | 'failed'

/** The span of one reconciliation. */
export type ReconcileTrace = {
  /** Begins a part of it; disposing of what is returned ends it. */
  phase(name: Phase): Disposable
  /** Ends it. @param error Why it failed */
  end(result: ReconcileResult, error?: unknown): void
}

/** Where spans of reconciliations are begun; there is none while nobody collects them. */
export type ReconcileTracing = {
  begin(kind: string, resource: MeshResource): ReconcileTrace
}
