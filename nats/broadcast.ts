import type { Subscription } from '@nats-io/nats-core'
import { type Log, silentLog } from './log.ts'
import type { NatsSession } from './session.ts'

/** What a broadcast needs. */
export type BroadcastOptions = {
  readonly session: NatsSession
  readonly subject: string
  /** What others send, and what we send ourselves. */
  readonly onMessage: (payload: Uint8Array) => void
  readonly log?: Log
}

/**
 * Core NATS messages between the processes of a region: at most once, not stored, in the order of each sender. What
 * is sent while the connection is down is dropped.
 */
export class Broadcast implements Disposable {
  readonly #session: NatsSession
  readonly #subject: string
  readonly #subscription: Subscription

  constructor({ session, subject, onMessage, log = silentLog }: BroadcastOptions) {
    this.#session = session
    this.#subject = subject
    this.#subscription = session.connection.subscribe(subject, {
      // An exception in a callback would close the connection.
      callback: (problem, message) => {
        try {
          if (problem === null) onMessage(message.data)
        } catch (error) {
          log.error({ subject, error: String(error) }, 'a broadcast could not be taken')
        }
      },
    })
  }

  /** Sends; false when there is no connection. */
  send(payload: Uint8Array | string): boolean {
    if (!this.#session.connected) return false
    this.#session.connection.publish(this.#subject, payload)
    return true
  }

  /** Hears nothing more. Idempotent. */
  close(): void {
    this.#subscription.unsubscribe()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
