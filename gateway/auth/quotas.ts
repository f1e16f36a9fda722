import {
  formatBytes,
  type Grant,
  MeshError,
  type Operation,
  type Principal,
  type Quota,
  TokenBucket,
} from '@landbridge/core'

/** Buckets kept; beyond it those go first that nobody would miss, then the oldest. */
const BUCKETS_MAX = 10_000
/** How many of the oldest go at once when none is full. */
const FORGOTTEN = 1_000

/** What a principal may still publish, or be delivered, now. Shared by all its calls under the same policies. */
export class Allowance {
  readonly #bucket: TokenBucket
  readonly #now: () => number
  readonly #operation: Operation
  #quota: Quota

  constructor(quota: Quota, operation: Operation, now: () => number) {
    this.#bucket = new TokenBucket(quota)
    this.#quota = quota
    this.#operation = operation
    this.#now = now
  }

  /** Another limit from now on. */
  setQuota(quota: Quota): void {
    if (quota === this.#quota) return
    this.#quota = quota
    this.#bucket.setQuota(quota)
  }

  /** Time until something may be taken, ms; 0: now. */
  get waitMs(): number {
    return this.#bucket.waitMs(this.#now())
  }

  /** What may be taken without waiting afterwards. */
  get room(): { readonly events: number; readonly bytes: number } {
    return this.#bucket.room(this.#now())
  }

  get isFull(): boolean {
    return this.#bucket.isFull(this.#now())
  }

  /** Takes, whether or not there is anything to take. */
  take(events: number, bytes: number): void {
    this.#bucket.take(events, bytes, this.#now())
  }

  /** The error of a call that cannot wait. */
  refusal(): MeshError {
    const retryAfterMs = this.waitMs
    const { eventsPerSecond: events, bytesPerSecond: bytes } = this.#quota
    const limits = [
      ...(events === undefined ? [] : [`${events} events/s`]),
      ...(bytes === undefined ? [] : [`${formatBytes(bytes)}/s`]),
    ]
    const text = `quota: ${this.#operation} is at its limit of ${limits.join(' and ')}, wanted a wait of ${retryAfterMs} ms`
    return new MeshError('resource_exhausted', text, { retryAfterMs })
  }
}

/**
 * What is left of the quotas in this process: one allowance for a principal, an operation and the policies that allow it.
 * A principal is known by its subject and issuer: a new token does not renew its quota.
 */
export class Quotas {
  readonly #allowances = new Map<string, Allowance>()
  readonly #now: () => number

  /** @param now A clock that only goes forward, ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Undefined: no limit. */
  of({ policy, quota }: Grant, principal: Principal, operation: Operation): Allowance | undefined {
    if (quota === undefined) return undefined
    const { kind, issuer = '', subject } = principal
    const key = JSON.stringify([operation, policy, kind, issuer, subject])
    const known = this.#allowances.get(key)
    if (known !== undefined) {
      known.setQuota(quota)
      return known
    }
    if (this.#allowances.size >= BUCKETS_MAX) this.#makeRoom()
    const allowance = new Allowance(quota, operation, this.#now)
    this.#allowances.set(key, allowance)
    return allowance
  }

  #makeRoom(): void {
    for (const [key, allowance] of this.#allowances) if (allowance.isFull) this.#allowances.delete(key)
    if (this.#allowances.size <= BUCKETS_MAX - FORGOTTEN) return
    for (const key of [...this.#allowances.keys()].slice(0, FORGOTTEN)) this.#allowances.delete(key)
  }
}
