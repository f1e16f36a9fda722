import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '@landbridge/service'
import type { KubeClient } from './kube-client.ts'
import { KubeError } from './kube-error.ts'
import { LEASE_TIMES, type LeaseSpec, type LeaseTimes, type LeaseView, mayAct, nextLeaseStep } from './lease.ts'
import { formatKey, type KubeObject, type ObjectKey, type ResourceType } from './types.ts'

/** What an `Election` needs. */
export type ElectionOptions = {
  readonly client: KubeClient
  /** The lease's namespace and name. */
  readonly lease: ObjectKey
  /** Unique for this process: a pod's name and something random. */
  readonly identity: string
  readonly log: Log
  readonly times?: LeaseTimes
  /** Called when leadership begins; its signal aborts when it ends, which is also when the next term may begin elsewhere. */
  readonly onTerm: (signal: AbortSignal) => Promise<void>
  /** Monotonic clock, ms. */
  readonly elapsed?: () => number
}

type Lease = KubeObject & { readonly spec?: LeaseSpec }

const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/**
 * Elects one leader among the operators of a region.
 *
 * 1. `onTerm` runs in one process at a time, as long as clocks run at one rate and every write asks `assertLeading`.
 * 2. A leader that was stopped and wakes up has lost its term before it can ask: `assertLeading` looks at the clock.
 * 3. `close` gives the lease back, so that the next one need not wait for it.
 */
export class Election implements AsyncDisposable {
  readonly #options: ElectionOptions
  readonly #times: LeaseTimes
  readonly #end = new AbortController()
  readonly #done: Promise<void>
  #view: LeaseView | undefined
  /** When the last renewal that was confirmed had been sent. */
  #renewSentMs: number | undefined
  #term: { readonly controller: AbortController; readonly done: Promise<void> } | undefined

  constructor(options: ElectionOptions) {
    this.#options = options
    this.#times = options.times ?? LEASE_TIMES
    this.#done = this.#live()
  }

  /** True while this process leads. */
  get leading(): boolean {
    return this.#term !== undefined && mayAct(this.#renewSentMs, this.#now(), this.#times)
  }

  /** @throws Error unless this process leads; ends the term when it does not any more. */
  assertLeading(): void {
    if (this.leading) return
    this.#endTerm('the lease was not renewed in time')
    throw new Error(`lease ${formatKey(this.#options.lease)}: is not held by this process, wanted to be the leader`)
  }

  /** Ends the term, gives the lease back. Idempotent. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #live(): Promise<void> {
    const { signal } = this.#end
    while (!signal.aborted) {
      const waitMs = await this.#step().catch((err: unknown) => {
        if (!signal.aborted) this.#options.log.warn({ err }, 'the lease could not be written or read')
        return this.#times.everyMs / 2
      })
      if (this.#term !== undefined && !this.leading) this.#endTerm('the lease was not renewed in time')
      await delay(waitMs, undefined, { signal }).catch(() => undefined)
    }
    const led = this.#term !== undefined
    this.#endTerm('the operator stops')
    await this.#term?.done
    if (led)
      await this.#giveBack().catch((err: unknown) => this.#options.log.warn({ err }, 'giving the lease back failed'))
  }

  /** One look and at most one write; returns how long to wait, in ms. */
  async #step(): Promise<number> {
    await this.#look()
    const { identity } = this.#options
    const step = nextLeaseStep(identity, this.#view, this.#now(), this.#times)
    if (step.kind === 'wait') {
      this.#endTerm('somebody else holds the lease')
      return step.forMs
    }
    const sentMs = this.#now()
    try {
      await this.#write(step.kind)
    } catch (error) {
      // Somebody was faster: look what they wrote.
      if (error instanceof KubeError && error.isConflict) return 0
      throw error
    }
    this.#renewSentMs = sentMs
    this.#beginTerm()
    return this.#times.everyMs * (0.8 + 0.2 * Math.random())
  }

  async #look(): Promise<void> {
    const { client, lease } = this.#options
    const found = await client.get<Lease>(
      LEASES,
      lease,
      AbortSignal.any([this.#end.signal, AbortSignal.timeout(this.#requestMs)]),
    )
    if (found === undefined) this.#view = undefined
    else if (found.metadata.resourceVersion !== this.#view?.resourceVersion) this.#see(found)
  }

  #see(lease: Lease): void {
    this.#view = {
      spec: lease.spec ?? {},
      resourceVersion: lease.metadata.resourceVersion,
      sinceMs: this.#now(),
    }
  }

  async #write(kind: 'create' | 'renew' | 'take'): Promise<void> {
    const { client, lease, identity } = this.#options
    const now = microTime()
    const { spec: before } = this.#view ?? { spec: undefined }
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: this.#times.durationMs / 1_000,
      renewTime: now,
      acquireTime: kind === 'renew' ? (before?.acquireTime ?? now) : now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (kind === 'take' ? 1 : 0),
    }
    const signal = AbortSignal.timeout(this.#requestMs)
    const body = this.#body(spec)
    const written =
      kind === 'create'
        ? await client.create<Lease>(LEASES, lease.namespace, body, signal)
        : await client.replace<Lease>(LEASES, lease, body, signal)
    this.#see(written)
  }

  #body(spec: LeaseSpec): unknown {
    const { lease } = this.#options
    const version = this.#view?.resourceVersion
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...lease, ...(version === undefined ? {} : { resourceVersion: version }) },
      spec,
    }
  }

  async #giveBack(): Promise<void> {
    const { client, lease, identity } = this.#options
    if (this.#view?.spec.holderIdentity !== identity) return
    const body = this.#body({ ...this.#view.spec, holderIdentity: '', renewTime: microTime() })
    await client.replace(LEASES, lease, body, AbortSignal.timeout(this.#requestMs))
  }

  #beginTerm(): void {
    if (this.#term !== undefined || this.#end.signal.aborted) return
    const controller = new AbortController()
    this.#options.log.info({ identity: this.#options.identity }, 'leading')
    const done = this.#options
      .onTerm(controller.signal)
      .catch((err: unknown) => this.#options.log.error({ err }, 'a term of leadership ended with an error'))
      .finally(() => {
        if (this.#term?.controller === controller) this.#term = undefined
      })
    this.#term = { controller, done }
  }

  #endTerm(reason: string): void {
    if (this.#term === undefined || this.#term.controller.signal.aborted) return
    this.#options.log.info({ reason }, 'no longer leading')
    this.#term.controller.abort(new Error(reason))
  }

  /** Two requests fit into the time in which a leader must renew. */
  get #requestMs(): number {
    return this.#times.giveUpMs / 2
  }

  #now(): number {
    return (this.#options.elapsed ?? (() => performance.now()))()
  }
}

/** RFC 3339 with microseconds, as leases want it. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z')
}
