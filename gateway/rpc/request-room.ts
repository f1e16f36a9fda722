import { Budget } from '../publish/index.ts'

/** What one caller may hold, as a share of all. */
const SHARE = 1 / 2

type Share = { readonly budget: Budget; users: number }

/**
 * Bounds the bytes of request messages that are being received, over all calls of the process. Guarantees:
 * 1. What was taken never exceeds the bound, nor half of it for one caller, except that one message larger than a bound
 *    may go alone.
 * 2. A message gets room as a whole, in the order of coming: messages that are half received never wait for each other.
 */
export class RequestRoom {
  readonly #shareBytesMax: number
  readonly #all: Budget
  readonly #shares = new Map<string, Share>()

  constructor(bytesMax: number) {
    this.#shareBytesMax = bytesMax * SHARE
    this.#all = budgetOf(bytesMax)
  }

  /**
   * Takes room: at once (undefined), or later.
   * The promise rejects, and nothing is taken, when the signal aborts before.
   */
  take(caller: string, bytes: number, signal: AbortSignal): Promise<void> | undefined {
    const share = this.#shares.get(caller) ?? { budget: budgetOf(this.#shareBytesMax), users: 0 }
    this.#shares.set(caller, share)
    share.users += 1
    const taken = share.budget.tryTake(bytes, 1)
    if (taken && this.#all.tryTake(bytes, 1)) return undefined
    return this.#wait({ caller, share, bytes, signal, taken })
  }

  /** Gives back what was taken. */
  giveBack(caller: string, bytes: number): void {
    this.#all.giveBack(bytes, 1)
    const share = this.#shares.get(caller)
    if (share !== undefined) this.#leave(caller, share, bytes)
  }

  async #wait(wanted: {
    readonly caller: string
    readonly share: Share
    readonly bytes: number
    readonly signal: AbortSignal
    readonly taken: boolean
  }): Promise<void> {
    const { caller, share, bytes, signal } = wanted
    let { taken } = wanted
    try {
      if (!taken) await share.budget.takeWhenRoom(bytes, 1, signal)
      taken = true
      await this.#all.takeWhenRoom(bytes, 1, signal)
    } catch (error) {
      this.#leave(caller, share, taken ? bytes : undefined)
      throw error
    }
  }

  #leave(caller: string, share: Share, bytes: number | undefined): void {
    if (bytes !== undefined) share.budget.giveBack(bytes, 1)
    share.users -= 1
    if (share.users === 0) this.#shares.delete(caller)
  }
}

function budgetOf(bytesMax: number): Budget {
  return new Budget({ publishBytesMax: bytesMax, publishEventsMax: Number.POSITIVE_INFINITY })
}
