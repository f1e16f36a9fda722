import { MeshError } from '@landbridge/core'
import { decodeEvent, type MeshEvent } from '../event/index.ts'
import type { RawDelivery } from './frames.ts'

/** One event that was delivered, and what to do with it. */
export type Delivery = {
  readonly event: MeshEvent
  /** Its sequence in the stream of `region`. */
  readonly sequence: number
  /** 1 for the first delivery to the group. */
  readonly attempt: number
  /** The region that delivered it. */
  readonly region: string
  /**
   * Handled: resolves when that is durable, so that the group never delivers it again. Need not be awaited.
   * @throws MeshError 'failed_precondition' when it is too late: it may be delivered again.
   */
  ack(): Promise<void>
  /** Not handled: deliver it again, after `delayMs` (default 0, at most 1 h). */
  nack(options?: { readonly delayMs?: number }): Promise<void>
  /** Cannot be handled by anyone: never deliver it again. `reason` is kept, at most 1,024 characters. */
  reject(reason?: string): Promise<void>
  /** Still at it: the group's wait starts again. */
  extend(): Promise<void>
}

/** What becomes of a delivery. */
export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack'; readonly delayMs: number }
  | { readonly kind: 'reject'; readonly reason: string }

/** What settles deliveries: the stream that brought them. */
export type Settler = {
  readonly region: string
  /** Rejects when the stream does not own the delivery any more. */
  settle(delivery: RawDelivery, settlement: Settlement): Promise<void>
  extend(deliveryId: number): void
}

const DELAY_MAX_MS = 3_600_000
const REASON_LENGTH_MAX = 1_024

/** A delivery of one stream. It settles once: the same again gives the same promise, something else is refused. */
export class StreamDelivery implements Delivery {
  readonly raw: RawDelivery
  readonly #settler: Settler
  #event: MeshEvent | undefined
  #settled: { readonly kind: string; readonly promise: Promise<void> } | undefined

  constructor(raw: RawDelivery, settler: Settler) {
    this.raw = raw
    this.#settler = settler
  }

  get event(): MeshEvent {
    this.#event ??= decodeEvent(this.raw.event)
    return this.#event
  }

  get sequence(): number {
    return this.raw.sequence
  }

  get attempt(): number {
    return this.raw.attempt
  }

  get region(): string {
    return this.#settler.region
  }

  ack(): Promise<void> {
    return this.#settle({ kind: 'ack' })
  }

  nack({ delayMs = 0 }: { readonly delayMs?: number } = {}): Promise<void> {
    if (delayMs >= 0 && delayMs <= DELAY_MAX_MS) return this.#settle({ kind: 'nack', delayMs })
    return refused('invalid_argument', `nack: delayMs is ${delayMs}, wanted 0 to ${DELAY_MAX_MS}`)
  }

  reject(reason = ''): Promise<void> {
    if (reason.length <= REASON_LENGTH_MAX) return this.#settle({ kind: 'reject', reason })
    return refused('invalid_argument', `reject: the reason is too long, wanted at most ${REASON_LENGTH_MAX} characters`)
  }

  async extend(): Promise<void> {
    if (this.raw.deliveryId === 0) return refused('failed_precondition', NO_GROUP)
    this.#settler.extend(this.raw.deliveryId)
  }

  #settle(settlement: Settlement): Promise<void> {
    if (this.#settled !== undefined) {
      if (this.#settled.kind === settlement.kind) return this.#settled.promise
      return refused(
        'failed_precondition',
        `${settlement.kind}: the delivery was settled by ${this.#settled.kind}, wanted one settlement`,
      )
    }
    if (this.raw.deliveryId === 0) return refused('failed_precondition', NO_GROUP)
    const promise = this.#settler.settle(this.raw, settlement)
    // Who does not await it must not crash: the event is delivered again.
    promise.catch(() => {})
    this.#settled = { kind: settlement.kind, promise }
    return promise
  }
}

const NO_GROUP = 'settle: the subscription has no group, wanted one'

function refused(code: 'invalid_argument' | 'failed_precondition', text: string): Promise<void> {
  const promise = Promise.reject(new MeshError(code, text))
  promise.catch(() => {})
  return promise
}
