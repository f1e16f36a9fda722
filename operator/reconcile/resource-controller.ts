import { configKey, type MeshDocument, type Result } from '@landbridge/core'
import type { Log } from '@landbridge/service'
import { KubeError, ListWatch, type Verdict as QueueVerdict, WorkQueue } from '../k8s/index.ts'
import { Claims } from './claims.ts'
import { trimmed } from './kind.ts'
import { Reconciler, type ReconcilerOptions } from './reconciler.ts'
import type { ReconcileResult, ReconcileTracing } from './tracing.ts'
import type { MeshResource } from './types.ts'
import { documentOf, wishOf } from './wish.ts'

/** What a controller needs. */
export type ControllerOptions = ReconcilerOptions & {
  readonly log: Log
  readonly metrics: ControllerMetrics
  /** Undefined: no tracing, and no cost of it. */
  readonly tracing: ReconcileTracing | undefined
  /** Only this namespace; undefined: all. */
  readonly namespace: string | undefined
  /** The tenant that a namespace stands for. */
  readonly tenantOf: (namespace: string) => string
  readonly workers: number
  /** Whether this process reconciles now; one that does not still keeps its caches. */
  readonly leading: () => boolean
}

/** What a controller counts. */
export type ControllerMetrics = ReconcilerOptions['metrics'] & {
  readonly reconciled: (kind: string, result: ReconcileResult, seconds: number) => void
  readonly groupDeleted: () => void
}

/** After a conflict the next version is on its way, or another process leads: both bring the key back before. */
const CONFLICT_MS = 1_000

/** Brings the region to what resources of one kind say, and says so in their status. */
export class ResourceController implements AsyncDisposable {
  readonly #options: ControllerOptions
  readonly #resources: ListWatch<MeshResource>
  readonly #queue: WorkQueue
  readonly #reconciler: Reconciler
  readonly #claims = new Claims()
  /** Each version of a resource is read once. */
  readonly #documents = new WeakMap<MeshResource, Result<MeshDocument>>()

  constructor(options: ControllerOptions) {
    const { kind, hands, log, namespace, workers } = options
    this.#options = options
    this.#reconciler = new Reconciler(options)
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

  /** Nothing can put it back: whoever has its topic is told. */
  groupDeleted(configKey: string, group: string): void {
    const { recorder, metrics, leading } = this.#options
    const resource = this.#resources.objects.get(this.#claims.holderOf(configKey) ?? '')
    if (resource === undefined || !leading()) return
    metrics.groupDeleted()
    const note = `the consumer of group ${group} was deleted, and its position with it`
    recorder.record(resource, { type: 'Warning', reason: 'GroupDeleted', action: 'Watch', note })
  }

  /** A gateway came, or runs another configuration. */
  gatewaysMoved(): void {
    const { region } = this.#options.hands
    for (const key of this.#reconciler.followers.moved((revision) => region.following(revision))) this.#queue.add(key)
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
    if (resource === undefined) {
      this.#queue.forget(key)
      this.#reconciler.followers.forget(key)
    }
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
    const { kind, metrics, tracing, leading } = this.#options
    const resource = this.#resources.objects.get(key)
    if (resource === undefined || !leading()) return {}
    const begun = performance.now()
    const { kind: name } = kind.definition.type
    const trace = tracing?.begin(name, resource)
    const tell = (result: ReconcileResult, error?: unknown) => {
      metrics.reconciled(name, result, (performance.now() - begun) / 1_000)
      trace?.end(result, error)
    }
    try {
      const claim = this.#claimOf(resource)
      const holder = claim === undefined ? undefined : this.#claims.holderOf(claim)
      const wish = wishOf(resource, this.#documentOf(resource), holder === key ? undefined : holder)
      const { changed, againAfterMs } = await this.#reconciler.reconcile(key, resource, wish, trace)
      tell(changed ? 'changed' : 'unchanged')
      return { againAfterMs }
    } catch (error) {
      tell('failed', error)
      if (error instanceof KubeError && (error.isConflict || error.isNotFound)) return { againAfterMs: CONFLICT_MS }
      throw error
    }
  }
}
