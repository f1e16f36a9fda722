import { Queue } from '@landbridge/core'
import { nextBatch, type StreamBatch } from './batch.ts'
import type { Send } from './send.ts'

/** What waits to be sent: first what must be sent again, in its order, then what never was. Bounded by who accepts sends. */
export class Backlog {
  readonly #sends = new Queue<Send>()
  #again: StreamBatch[] = []
  #batches = 0

  push(send: Send): void {
    this.#sends.push(send)
  }

  /** Batches that must be sent again. */
  takeBack(batches: readonly StreamBatch[]): void {
    this.#again = [...this.#again, ...batches].sort((a, b) => a.order - b.order)
  }

  /** The batch to send next, without what nobody waits for any more; undefined when there is none. */
  next(): StreamBatch | undefined {
    for (let batch = this.#again.shift(); batch !== undefined; batch = this.#again.shift())
      if (batch.prune()) return batch
    return nextBatch(this.#sends, ++this.#batches)
  }
}
