import type { MeshError } from '@landbridge/core'
import { PublishFailure, withAmbiguity } from '../errors.ts'

/** Where the events of one `send` are stored. */
export type StreamReceipt = {
  /** The region that stored the last of them. */
  readonly region: string
  /** Highest sequence that the region told for the batches that they were part of; 0 when it did not tell. */
  readonly lastSequence: number
  /** Indexes of events known to have been stored before. */
  readonly duplicates: readonly number[]
  /** Regions known to hold all of them by then; the one that stored them first. */
  readonly regions: readonly string[]
  /** As in `Receipt`, of any of them. */
  readonly degraded: boolean
}

/** Where a batch is stored. */
export type BatchPlace = Omit<StreamReceipt, 'duplicates'>

/** Events that were queued. */
export type Sent = {
  /** Resolves when every event is stored durably. Need not be awaited: `flush` tells of failures too. @throws PublishFailure */
  readonly acknowledged: Promise<StreamReceipt>
}

/** The events of one `send` until each has an outcome. Settles once. */
export class Send implements Sent {
  readonly events: readonly Uint8Array[]
  readonly bytes: number
  /** When it was accepted, by `performance.now()`. */
  readonly acceptedAt = performance.now()
  readonly acknowledged: Promise<StreamReceipt>
  /** Events that no batch was made of yet begin here. */
  taken = 0
  #settled = false
  #place: BatchPlace | undefined
  #open: number
  #duplicates: number[] = []
  #errors: Map<number, MeshError> | undefined
  readonly #onSettled: (send: Send, failure: MeshError | undefined) => void
  readonly #promise = Promise.withResolvers<StreamReceipt>()

  constructor(
    events: readonly Uint8Array[],
    bytes: number,
    onSettled: (send: Send, failure: MeshError | undefined) => void,
  ) {
    this.events = events
    this.bytes = bytes
    this.#open = events.length
    this.#onSettled = onSettled
    this.acknowledged = this.#promise.promise
    // Who does not await it hears of it from `flush`.
    this.acknowledged.catch(() => {})
  }

  /** True when nobody waits for it any more. */
  get settled(): boolean {
    return this.#settled
  }

  /** So many of its events were stored. */
  stored(count: number, place: BatchPlace): void {
    const before = this.#place
    this.#place =
      before === undefined
        ? place
        : {
            ...place,
            regions: place.regions.filter((region) => before.regions.includes(region)),
            degraded: place.degraded || before.degraded,
          }
    this.#close(count)
  }

  /** It has no events: there is nothing to wait for. */
  nothing(): void {
    this.#close(0)
  }

  /** An event had been stored before; it counts as stored too. */
  duplicate(index: number): void {
    this.#duplicates.push(index)
  }

  /** An event will not be stored. */
  failed(index: number, error: MeshError): void {
    this.#errors ??= new Map()
    this.#errors.set(index, error)
    this.#close(1)
  }

  /** Gives up: whatever has no outcome may have been stored. */
  giveUp(error: MeshError): void {
    if (this.#settled) return
    this.#fail(withAmbiguity(error, true))
  }

  #close(count: number): void {
    if (this.#settled) return
    this.#open -= count
    if (this.#open > 0) return
    if (this.#errors !== undefined) {
      this.#fail(undefined)
      return
    }
    this.#settled = true
    const duplicates = this.#duplicates.sort((a, b) => a - b)
    this.#promise.resolve({ ...(this.#place ?? NOWHERE), duplicates })
    this.#onSettled(this, undefined)
  }

  /** With an error for the events that have no outcome of their own. */
  #fail(rest: MeshError | undefined): void {
    this.#settled = true
    const receipt = { ...(this.#place ?? NOWHERE), duplicates: this.#duplicates }
    const failure = new PublishFailure<StreamReceipt>(
      this.events.map((_, index) => {
        const error = this.#errors?.get(index) ?? rest
        return error === undefined ? { receipt } : { error }
      }),
    )
    this.#promise.reject(failure)
    this.#onSettled(this, failure)
  }
}

/** Where nothing is stored: a send without events. */
const NOWHERE: BatchPlace = { region: '', lastSequence: 0, regions: [], degraded: false }
