import type { Subscription } from '@nats-io/nats-core'
import type { NatsSession } from '../session.ts'

/** What a knock waits for. */
export type KnockOptions = {
  readonly session: NatsSession
  /** Subjects with wildcards. */
  readonly filter: string
  /** Called once, when a message is published there, before anybody knows whether a stream takes it. */
  readonly onKnock: () => void
}

/**
 * Hears of the next message on some subjects, as it is published: a plain subscription for one message, which costs
 * nothing while nothing happens. What was published before the server knew of it is not heard: look at the stream
 * afterwards.
 */
export class Knock implements Disposable {
  readonly #subscription: Subscription
  #over = false

  constructor({ session, filter, onKnock }: KnockOptions) {
    this.#subscription = session.connection.subscribe(filter, {
      max: 1,
      callback: (problem) => {
        if (this.#over || problem !== null) return
        this.#over = true
        onKnock()
      },
    })
  }

  /** Hears nothing any more. Idempotent. */
  close(): void {
    if (this.#over) return
    this.#over = true
    this.#subscription.unsubscribe()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
