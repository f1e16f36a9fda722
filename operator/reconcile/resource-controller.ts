import { configKey, type MeshDocument, MeshError, type Result } from '@landbridge/core'
import { isRefusal } from '@landbridge/nats'
import type { Log } from '@landbridge/service'
import { type EventRecorder, KubeError, ListWatch, type Verdict as QueueVerdict, WorkQueue } from '../k8s/index.ts'
import type { GatewayView } from '../region/index.ts'
import { carryOut, type Hands } from './carry-out.ts'
import { Claims } from './claims.ts'
import { type Kind, trimmed } from './kind.ts'
import { planResource } from './plan.ts'
import { type Outcome, statusAfter } from './report.ts'
import { tellTransition, writeStatus } from './status.ts'
import type { Found, MeshResource, Plan } from './types.ts'
import { documentOf, wishOf } from './wish.ts'

/** What a controller needs. */
export type ControllerOptions = {
  readonly kind: Kind
  readonly hands: Hands
  readonly gateways: GatewayView
  readonly recorder: EventRecorder
  readonly log: Log
  readonly metrics: ControllerMetrics
  /** Only this namespace; undefined: all. */
  readonly namespace: string | undefined
  /** The tenant that a namespace stands for. */
  readonly tenantOf: (namespace: string) => string
  readonly workers: number
  /** Whether this process reconciles now; one that does not still keeps its caches. */
  readonly leading: () => boolean
}

/** What a controller counts. */
export type ControllerMetrics = {
  readonly reconciled: (kind: string, result: 'unchanged' | 'changed' | 'failed', seconds: number) => void
  readonly drifted: (kind: string) => void
  readonly statusWritten: (kind: string) => void
}

/** How soon a configuration that gateways do not follow yet is looked at again. */
const FOLLOW_MS = 500
/** How often what waits for others is looked at again. */
const HELD_MS = 5_000
const DEGRADED_MS = 30_000
/** A region that is away for longer shows in the status of its resources. */
const UNKNOWN_MS = 30_000

/** Brings the region to what resources of one kind say, and says so in their status. */
export class ResourceController implements AsyncDisposable {
  readonly #options: ControllerOptions
  readonly #resources: ListWatch<MeshResource>
  readonly #queue: WorkQueue
  readonly #claims = new Claims()
  /** Each version of a resource is read once. */
  readonly #documents = new WeakMap<MeshResource, Result<MeshDocument>>()

  constructor(options: ControllerOptions) {
    const { kind, hands, log, namespace, workers } = options
    this.#options = options
    this.#queue = new WorkQueue({
      work: (key) => this.#work(key),
      laneOf: (key) =>
        this.#resources.objects.get(key)?.metadata.deletionTimestamp === undefined ? 'change' : 'deletion',
      workers: { change: workers, deletion: Math.max(1, Math.ceil(workers / 4)) },
      log,
    })
    this.#resources = new ListWatch<MeshResource>({
      client: hands.client,
      type: kind.definition.type,
      namespace,
      log,
      trim: trimmed,
      onChange: (key) => this.#changed(key),
    })
  }

  /** Resolves when every resource is known. */
  get synced(): Promise<void> {
    return this.#resources.synced
  }

  /** When the API server was last heard, ms since 1970. */
  get heardMs(): number | undefined {
    return this.#resources.heardMs
  }

  /** Resources that are known, and the state of the queue. */
  get figures() {
    return { resources: this.#resources.objects.size, ...this.#queue.figures }
  }

  /** Looks at every resource: leadership has begun, or the region is known anew. */
  resync(): void {
    for (const key of this.#resources.objects.keys()) this.#queue.add(key)
  }

  /** Something changed in the region that a document with this key of the configuration declares. */
  regionChanged(configKey: string): void {
    const key = this.#claims.holderOf(configKey)
    if (key !== undefined) this.#queue.add(key)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#resources.close()
    await this.#queue.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #changed(key: string): void {
    const resource = this.#resources.objects.get(key)
    const claim = resource === undefined ? undefined : this.#claimOf(resource)
    for (const other of this.#claims.set(key, claim, resource)) this.#queue.add(other)
    if (resource === undefined) this.#queue.forget(key)
    this.#queue.add(key)
  }

  #documentOf(resource: MeshResource): Result<MeshDocument> {
    const { kind, tenantOf } = this.#options
    const known = this.#documents.get(resource)
    if (known !== undefined) return known
    const document = documentOf(resource, kind.ofTenant ? tenantOf(resource.metadata.namespace ?? '') : undefined)
    this.#documents.set(resource, document)
    return document
  }

  /** What it asks for of the region: the key of its configuration entry. */
  #claimOf(resource: MeshResource): string | undefined {
    const document = this.#documentOf(resource).value
    return document === undefined ? undefined : configKey(document)
  }

  async #work(key: string): Promise<QueueVerdict> {
    const { kind, metrics, leading, hands } = this.#options
    const resource = this.#resources.objects.get(key)
    if (resource === undefined || !leading()) return {}
    const begun = performance.now()
    const name = kind.definition.type.kind
    try {
      const { changed, againAfterMs } = await this.#reconcile(key, resource, hands.state.current)
      metrics.reconciled(name, changed ? 'changed' : 'unchanged', (performance.now() - begun) / 1_000)
      return { againAfterMs }
    } catch (error) {
      metrics.reconciled(name, 'failed', (performance.now() - begun) / 1_000)
      // The next version is on its way, or another process leads: both will bring the key back.
      if (error instanceof KubeError && (error.isConflict || error.isNotFound)) return { againAfterMs: 1_000 }
      throw error
    }
  }

  async #reconcile(key: string, resource: MeshResource, regionKnown: boolean) {
    const { kind, hands } = this.#options
    const claim = this.#claimOf(resource)
    const holder = claim === undefined ? undefined : this.#claims.holderOf(claim)
    const wish = wishOf(resource, this.#documentOf(resource), holder === key ? undefined : holder)
    const document = wish.document.value
    if (!regionKnown && !(wish.deleting && wish.deleteAnyway)) return this.#waitForRegion(resource, document)
    const found = regionKnown && document !== undefined ? await kind.find(document, wish) : NOTHING_FOUND
    const plan = planResource(wish, found)
    if (plan.verdict.kind === 'deleted' && plan.steps.length === 0) return { changed: false, againAfterMs: undefined }
    if (plan.drift.length > 0) {
      this.#options.metrics.drifted(kind.definition.type.kind)
      await this.#report(resource, document, { plan, stage: 'found', error: undefined })
      // Its version has changed: the rest follows with the one that the watch brings, or at once from a fresh read.
      const fresh = await hands.client.get<MeshResource>(kind.definition.type, keyParts(key))
      if (fresh === undefined) return { changed: true, againAfterMs: undefined }
      return this.#finish(trimmed({ ...fresh, kind: kind.definition.type.kind }), document, plan)
    }
    return this.#finish(resource, document, plan)
  }

  async #finish(resource: MeshResource, document: MeshDocument | undefined, plan: Plan) {
    const { kind, hands } = this.#options
    let current = resource
    let error: Outcome['error']
    try {
      current = await carryOut(hands, kind.definition.type, resource, plan.steps)
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw thrown
      error = { message: thrown.message, refused: isRefusal(thrown) }
      await this.#report(current, document, { plan, stage: 'done', error })
      throw thrown
    }
    if (plan.verdict.kind === 'deleted') return { changed: plan.steps.length > 0, againAfterMs: undefined }
    return this.#settle(current, document, plan)
  }

  /** Reports once the gateways follow; one that takes long is reported as it is. */
  async #settle(resource: MeshResource, document: MeshDocument | undefined, plan: Plan) {
    const { gateways, kind } = this.#options
    const following = document === undefined ? undefined : gateways.following(configKey(document))
    const waits = plan.verdict.kind === 'in-place' && following !== undefined && following.following < following.all
    const changed = await this.#report(resource, document, { plan, stage: 'done', error: undefined })
    const degraded = document !== undefined && kind.degraded(document) !== undefined
    const again = waits ? FOLLOW_MS : plan.verdict.kind === 'held' ? HELD_MS : degraded ? DEGRADED_MS : undefined
    return { changed: changed || plan.steps.length > 0, againAfterMs: again }
  }

  /** Nothing can be done before the region is known: resources keep their status, and say so when it lasts. */
  async #waitForRegion(resource: MeshResource, document: MeshDocument | undefined) {
    if (this.#options.hands.state.unknownForMs < UNKNOWN_MS) return { changed: false, againAfterMs: FOLLOW_MS }
    const plan: Plan = { steps: [], verdict: { kind: 'in-place' }, drift: [] }
    const message = "the region's NATS cannot be reached"
    const error = { message, refused: false }
    const held = resource.metadata.deletionTimestamp !== undefined
    const hint = held
      ? `; the deletion waits for it, the annotation landbridge.dev/delete-anyway: "true" ends that`
      : ''
    const failed = { ...error, message: `${message}${hint}` }
    const changed = await this.#report(resource, document, { plan, stage: 'done', error: failed })
    return { changed, againAfterMs: HELD_MS }
  }

  async #report(
    resource: MeshResource,
    document: MeshDocument | undefined,
    done: Pick<Outcome, 'plan' | 'stage' | 'error'>,
  ): Promise<boolean> {
    const { kind, hands, gateways, recorder, metrics } = this.#options
    const inPlace = document !== undefined && done.plan.verdict.kind === 'in-place'
    const status = statusAfter(resource, {
      ...done,
      gateways: inPlace ? gateways.following(configKey(document)) : undefined,
      revision: undefined,
      degraded: inPlace ? kind.degraded(document) : undefined,
      extras: kind.extras(document),
      nowMs: Date.now(),
    })
    hands.assertLeading()
    if (!(await writeStatus(hands.client, kind.definition.type, resource, status))) return false
    metrics.statusWritten(kind.definition.type.kind)
    tellTransition(recorder, resource, status)
    return true
  }
}

const NOTHING_FOUND: Found = { stream: undefined, stored: undefined, inUse: [] }

function keyParts(key: string) {
  const slash = key.indexOf('/')
  return { namespace: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) }
}
