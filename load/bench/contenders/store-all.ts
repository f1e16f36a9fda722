import type { BatchWriter } from '@landbridge/nats'
import { type EventFactory, meshMessageId } from '../event-factory.ts'
import type { Stopwatch } from '../stopwatch.ts'

// As many calls of 100 as a client keeps batches in flight on one PublishStream.
const CALLS = 50

/**
 * Stores events through the writer, 50 calls at a time, until `take` says that there are no more.
 * @param options `take`: how many events the next call stores; 0 ends
 * @throws {Error} when an event is not stored
 */
export async function storeAll(options: {
  readonly writer: BatchWriter
  readonly subject: string
  readonly factory: EventFactory
  readonly watch: Stopwatch
  take(): number
}): Promise<void> {
  const { writer, subject, factory, watch } = options
  async function storeInTurn(): Promise<void> {
    for (let count = options.take(); count > 0; count = options.take()) {
      const requests = factory
        .batch(count)
        .map((event) => ({ subject, headers: '', payload: event.bytes, messageId: meshMessageId(event) }))
      for (const result of await writer.store(requests)) {
        if (result.kind === 'failed') throw result.error
      }
      watch.acknowledged(count)
    }
  }
  await Promise.all(Array.from({ length: CALLS }, storeInTurn))
}
