import { configKey, type MeshDocument, MeshError } from '@landbridge/core'
import { isRefusal } from '@landbridge/nats'
import type { EventRecorder } from '../k8s/index.ts'
import { carryOut, type Hands } from './carry-out.ts'
import { type Follow, Followers } from './followers.ts'
import type { Kind } from './kind.ts'
import { planResource } from './plan.ts'
import { type Outcome, statusAfter } from './report.ts'
import { tellTransition, writeStatus } from './status.ts'
import type { ReconcileTrace } from './tracing.ts'
import type { Found, MeshResource, Plan, Wish } from './types.ts'

/** What a reconciler works with. */
export type ReconcilerOptions = {
  readonly kind: Kind
  readonly hands: Hands
  readonly recorder: EventRecorder
  readonly metrics: {
    readonly drifted: (kind: string) => void
    readonly statusWritten: (kind: string) => void
  }
}

/** How one reconciliation went. */
export type Reconciled = {
  /** Whether anything was written. */
  readonly changed: boolean
  /** When to look again, in ms; undefined: when something changes. */
  readonly againAfterMs: number | undefined
}

/** How often a deletion that waits for others is looked at again. */
const HELD_MS = 5_000
/** A region that is away for longer shows in the status of its resources. */
const UNKNOWN_MS = 30_000
/** Then they are looked at now and then, should nobody tell that it is back. */
const AWAY_MS = 60_000
/** A deletion that is to be done anyway lets go of a region that refuses or fails for so long. */
const LET_GO_MS = 60_000

const NOTHING_FOUND: Found = { stream: undefined, stored: undefined, inUse: [] }

/** One reconciliation of one resource: observe, plan, apply, report. */
export class Reconciler {
  readonly followers = new Followers()
  readonly #options: ReconcilerOptions

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /** Brings the region to what a resource says. @throws KubeError, MeshError, when it is to be tried again */
  async reconcile(key: string, resource: MeshResource, wish: Wish, trace?: ReconcileTrace): Promise<Reconciled> {
    const { kind, hands, metrics } = this.#options
    const document = wish.document.value
    const isKnown = hands.region.current
    // Whoever asks for it may delete what nothing can be cleaned up for.
    const letsGo = wish.deleting && (wish.deleteAnyway || wish.unmanaged)
    if (!isKnown && !letsGo) return this.#waitForRegion(resource, wish, trace)
    const found = isKnown ? await this.#find(resource, wish, trace) : NOTHING_FOUND
    const plan = planned(wish, found, trace)
    if (plan.verdict.kind === 'deleted' && plan.steps.length === 0) return { changed: false, againAfterMs: undefined }
    if (plan.drift.length === 0) return this.#finish(key, resource, wish, plan, trace)
    // Shown first: whoever looks sees what was changed, also when the repair fails.
    const shown = await this.#report(resource, document, trace, {
      plan,
      stage: 'found',
      error: undefined,
      gateways: undefined,
    })
    // Behind the status, which conflicts where what was seen is old: then it is looked at once more.
    metrics.drifted(kind.definition.type.kind)
    return this.#finish(key, shown ?? resource, wish, plan, trace)
  }

  async #find(resource: MeshResource, wish: Wish, trace: ReconcileTrace | undefined): Promise<Found> {
    const { identity } = wish
    const document = wish.document.value
    if (identity === undefined || (document === undefined && !wish.deleting)) return NOTHING_FOUND
    try {
      using _span = trace?.phase('observe')
      return await this.#options.kind.find(document, { ...wish, identity })
    } catch (thrown) {
      if (thrown instanceof MeshError) await this.#reportFailure(resource, document, IN_PLACE, thrown, trace)
      throw thrown
    }
  }

  async #finish(
    key: string,
    resource: MeshResource,
    wish: Wish,
    plan: Plan,
    trace: ReconcileTrace | undefined,
  ): Promise<Reconciled> {
    const { kind, hands } = this.#options
    const { type } = kind.definition
    const document = wish.document.value
    let current = resource
    try {
      using _span = plan.steps.length === 0 ? undefined : trace?.phase('apply')
      current = await carryOut(hands, type, resource, plan.steps)
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw thrown
      if (plan.verdict.kind === 'deleted' && wish.deleteAnyway && deletingForMs(resource) > LET_GO_MS) {
        await carryOut(hands, type, resource, [{ kind: 'remove-finalizer' }])
        return { changed: true, againAfterMs: undefined }
      }
      await this.#reportFailure(current, document, plan, thrown, trace)
      throw thrown
    }
    const isChanged = plan.steps.length > 0
    if (plan.verdict.kind === 'deleted') return { changed: isChanged, againAfterMs: undefined }
    if (plan.verdict.kind !== 'in-place' || document === undefined) {
      this.followers.forget(key)
      const written = await this.#report(current, document, trace, {
        plan,
        stage: 'done',
        error: undefined,
        gateways: undefined,
      })
      const againAfterMs = plan.verdict.kind === 'held' ? HELD_MS : undefined
      return { changed: isChanged || written !== undefined, againAfterMs }
    }
    return this.#settle(key, current, document, plan, trace)
  }

  /** Reports once the gateways follow; when that takes long, that it does. */
  async #settle(
    key: string,
    resource: MeshResource,
    document: MeshDocument,
    plan: Plan,
    trace: ReconcileTrace | undefined,
  ): Promise<Reconciled> {
    const { region } = this.#options.hands
    const revision = region.entry(configKey(document))?.revision ?? 0
    const gateways = region.following(revision)
    const follow: Follow = this.followers.look(key, revision, gateways, performance.now())
    const isChanged = plan.steps.length > 0
    // A repair is told at once: nobody would know of it the next time.
    if (follow.kind === 'wait' && plan.drift.length === 0) return { changed: isChanged, againAfterMs: follow.forMs }
    const written = await this.#report(resource, document, trace, {
      plan,
      stage: 'done',
      error: undefined,
      gateways,
      revision,
    })
    return {
      changed: isChanged || written !== undefined,
      againAfterMs: follow.kind === 'wait' ? follow.forMs : follow.againAfterMs,
    }
  }

  /** Nothing can be done before the region is known: resources keep their status, and say so when it lasts. */
  async #waitForRegion(resource: MeshResource, wish: Wish, trace: ReconcileTrace | undefined): Promise<Reconciled> {
    const { unknownForMs } = this.#options.hands.region
    // Not all of them at once.
    const againAfterMs = Math.max(0, UNKNOWN_MS - unknownForMs) + Math.random() * 5_000
    if (unknownForMs < UNKNOWN_MS) return { changed: false, againAfterMs }
    const hint = wish.deleting
      ? '; the deletion waits for it, the annotation landbridge.dev/delete-anyway: "true" ends that'
      : ''
    const failure = new MeshError('unavailable', `the region's NATS cannot be reached${hint}`)
    const written = await this.#reportFailure(resource, wish.document.value, IN_PLACE, failure, trace)
    return { changed: written !== undefined, againAfterMs: AWAY_MS }
  }

  #reportFailure(
    resource: MeshResource,
    document: MeshDocument | undefined,
    plan: Plan,
    failure: MeshError,
    trace: ReconcileTrace | undefined,
  ) {
    const error = { message: failure.message, refused: isRefusal(failure) }
    return this.#report(resource, document, trace, { plan, stage: 'done', error, gateways: undefined })
  }

  /** Writes the status where it says something else than before; the resource as it is then. */
  async #report(
    resource: MeshResource,
    document: MeshDocument | undefined,
    trace: ReconcileTrace | undefined,
    done: Pick<Outcome, 'plan' | 'stage' | 'error' | 'gateways'> & { readonly revision?: number },
  ): Promise<MeshResource | undefined> {
    using _span = trace?.phase('report')
    const { kind, hands, recorder, metrics } = this.#options
    const { type } = kind.definition
    const shown = document === undefined ? undefined : kind.shown(document, resource.status)
    const status = statusAfter(resource, {
      revision: undefined,
      ...done,
      degraded: done.plan.verdict.kind === 'in-place' ? shown?.degraded : undefined,
      extras: shown?.extras ?? {},
      nowMs: Date.now(),
    })
    const written = await writeStatus(hands, type, resource, status)
    if (written === undefined) return undefined
    metrics.statusWritten(type.kind)
    tellTransition(recorder, resource, status)
    return written
  }
}

function planned(wish: Wish, found: Found, trace: ReconcileTrace | undefined): Plan {
  using _span = trace?.phase('plan')
  return planResource(wish, found)
}

const IN_PLACE: Plan = { steps: [], verdict: { kind: 'in-place' }, drift: [] }

function deletingForMs({ metadata }: MeshResource): number {
  const { deletionTimestamp } = metadata
  return deletionTimestamp === undefined ? 0 : Date.now() - Date.parse(deletionTimestamp)
}
