import { MeshError } from '@landbridge/core'
import { type Lane, mayPass } from './lane.ts'
import { requestBytes, type StoreRequest, type StoreResult } from './store.ts'

/** One call of store(): resolves when each of its requests has a result. */
export class StoreCall {
  readonly done: Promise<readonly StoreResult[]>
  /** The order that its requests keep among others; undefined for none. */
  readonly lane: Lane | undefined
  readonly #results: StoreResult[]
  #left: number
  #resolve: (results: readonly StoreResult[]) => void = () => undefined

  constructor(count: number, lane?: Lane) {
    this.lane = lane
    this.#results = new Array<StoreResult>(count)
    this.#left = count
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  settle(index: number, result: StoreResult): void {
    if (result.kind === 'failed' && mayPass(result.error)) this.lane?.break()
    this.#results[index] = result
    if (--this.#left === 0) this.#resolve(this.#results)
  }
}

/** One request on its way, settled exactly once. */
export class Pending {
  readonly request: StoreRequest
  readonly bytes: number
  readonly deadlineMs: number
  /** True once bytes of it may have reached a server in a way that stores it. */
  sent = false
  readonly #call: StoreCall
  readonly #index: number
  readonly #ledger: Ledger
  #settled = false

  constructor(request: StoreRequest, deadlineMs: number, call: StoreCall, index: number, ledger: Ledger) {
    this.request = request
    this.bytes = requestBytes(request)
    this.deadlineMs = deadlineMs
    this.#call = call
    this.#index = index
    this.#ledger = ledger
    ledger.add(this.bytes)
  }

  get settled(): boolean {
    return this.#settled
  }

  /** True when something before it in its lane failed: stored now, it would overtake that. */
  get overtakes(): boolean {
    return this.#call.lane?.broken === true
  }

  settle(result: StoreResult): void {
    if (this.#settled) return
    this.#settled = true
    this.#ledger.remove(this.bytes)
    this.#call.settle(this.#index, result)
  }

  /** Fails it; the error becomes ambiguous when it was sent. */
  fail(code: 'unavailable' | 'deadline_exceeded', message: string): void {
    this.settle({ kind: 'failed', error: new MeshError(code, message, { ambiguous: this.sent, retryAfterMs: 250 }) })
  }
}

/** Counts what is accepted and not answered. */
export class Ledger {
  messages = 0
  bytes = 0
  readonly #messagesMax: number
  readonly #bytesMax: number
  #empty: PromiseWithResolvers<void> | undefined

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax
    this.#bytesMax = bytesMax
  }

  /** False at a limit; one call may overshoot it by its own size. */
  get hasRoom(): boolean {
    return this.messages < this.#messagesMax && this.bytes < this.#bytesMax
  }

  add(bytes: number): void {
    this.messages++
    this.bytes += bytes
  }

  remove(bytes: number): void {
    this.messages--
    this.bytes -= bytes
    if (this.messages === 0) this.#empty?.resolve()
  }

  /** Resolves when everything is answered. */
  whenEmpty(): Promise<void> {
    if (this.messages === 0) return Promise.resolve()
    this.#empty ??= Promise.withResolvers()
    return this.#empty.promise
  }
}
