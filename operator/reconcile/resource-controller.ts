import type { DocumentKey, MeshDocument, Result } from '@landbridge/core'
import type { Log } from '@landbridge/service'
import {
  formatKey,
  KubeError,
  keyOf,
  type ListReason,
  ListWatch,
  type Verdict as QueueVerdict,
  WorkQueue,
} from '../k8s/index.ts'
import type { Hands } from './carry-out.ts'
import { Claims } from './claims.ts'
import { trimmed } from './kind.ts'
import { Reconciler, type ReconcilerOptions } from './reconciler.ts'
import type { ReconcileResult, ReconcileTracing } from './tracing.ts'
import type { MeshResource } from './types.ts'
import { documentOf, identityOf, wishOf } from './wish.ts'

/** What a controller needs. */
export type ControllerOptions = Omit<ReconcilerOptions, 'hands'> & {
  readonly hands: Omit<Hands, 'onWritten'>
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
  readonly listed: (kind: string, reason: ListReason) => void
  readonly reconciled: (kind: string, result: ReconcileResult, seconds: number) => void
  readonly groupDeleted: () => void
}

type ReadSpec = {
  readonly uid: string
  readonly generation: number | undefined
  readonly document: Result<MeshDocument>
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
  /** Each spec is read once. */
  readonly #documents = new Map<string, ReadSpec>()

  constructor(options: ControllerOptions) {
    const { kind, hands, log, namespace, workers } = options
    this.#options = options
    this.#reconciler = new Reconciler({
      ...options,
      hands: { ...hands, onWritten: (before, written) => this.#resources.learn(before, written) },
    })
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
      onList: (reason) => options.metrics.listed(kind.definition.type.kind, reason),
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
    const claim = resource === undefined ? undefined : this.#identityOf(resource)?.key
    for (const other of this.#claims.set(key, claim, resource)) this.#queue.add(other)
    if (resource === undefined) {
      this.#queue.forget(key)
      this.#reconciler.followers.forget(key)
      this.#documents.delete(key)
    }
    this.#queue.add(key)
  }

  #documentOf(resource: MeshResource): Result<MeshDocument> {
    const { uid, generation } = resource.metadata
    const key = formatKey(keyOf(resource))
    const known = this.#documents.get(key)
    if (known !== undefined && known.uid === uid && known.generation === generation) return known.document
    const document = documentOf(resource, this.#tenantOf(resource))
    this.#documents.set(key, { uid, generation, document })
    return document
  }

  /** What it asks for of the region: one whose spec cannot be read keeps what an earlier one made. */
  #identityOf(resource: MeshResource): DocumentKey | undefined {
    return identityOf(resource, this.#tenantOf(resource))
  }

  #tenantOf({ metadata }: MeshResource): string | undefined {
    const { kind, tenantOf } = this.#options
    return kind.ofTenant ? tenantOf(metadata.namespace ?? '') : undefined
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
      const identity = this.#identityOf(resource)
      const holder = identity === undefined ? undefined : this.#claims.holderOf(identity.key)
      const claimedBy = holder === key ? undefined : holder
      const wish = wishOf(resource, { document: this.#documentOf(resource), identity, claimedBy })
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
