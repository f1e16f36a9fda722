import type { Log } from '../log.ts'
import type { NatsSession } from '../session.ts'
import type { WriteMode } from './store.ts'

/** Options of a `BatchWriter`. */
export type BatchWriterOptions = {
  readonly session: NatsSession
  readonly stream: string
  /** Default 'atomic'. A server or a stream that does not take batches makes it 'single', with one warning. */
  readonly mode?: WriteMode
  /** Requests accepted and not answered. Default 16,384. At the limit store() fails with resource_exhausted. */
  readonly messagesInFlightMax?: number
  /** Their bytes. Default 64 MiB. */
  readonly bytesInFlightMax?: number
  /** From store() to the answer at the latest, in ms. Default 5,000, at most 10,000 (a batch's life). */
  readonly timeoutMs?: number
  readonly log?: Log
}
