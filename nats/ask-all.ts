import { createInbox, type Subscription } from '@nats-io/nats-core'
import { type Log, silentLog } from './log.ts'
import type { NatsSession } from './session.ts'

/** What answers questions of other processes. */
export type ResponderOptions = {
  readonly session: NatsSession
  readonly subject: string
  /** The answers to one question, in order; each is one message. */
  readonly answer: (question: Uint8Array) => Iterable<Uint8Array | string>
  readonly log?: Log
}

/** Answers what other processes of the region ask with `askAll`. */
export class Responder implements Disposable {
  readonly #subscription: Subscription

  constructor({ session, subject, answer, log = silentLog }: ResponderOptions) {
    this.#subscription = session.connection.subscribe(subject, {
      // An exception in a callback would close the connection.
      callback: (problem, message) => {
        try {
          if (problem === null) for (const reply of answer(message.data)) message.respond(reply)
        } catch (error) {
          log.error({ subject, error: String(error) }, 'a question could not be answered')
        }
      },
    })
  }

  /** Answers nothing more. Idempotent. */
  close(): void {
    this.#subscription.unsubscribe()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * Asks every process that answers on a subject, this one included, and resolves with what came: when `enough` says so, or
 * after `timeoutMs`. Never rejects; without a connection nothing comes.
 */
export function askAll(options: {
  readonly session: NatsSession
  readonly subject: string
  readonly question: Uint8Array | string
  readonly timeoutMs: number
  /** Messages that are kept at most; more are dropped. */
  readonly answersMax: number
  /** Asked after each answer. */
  readonly enough: (answers: readonly Uint8Array[]) => boolean
}): Promise<readonly Uint8Array[]> {
  const { session, subject, question, timeoutMs, answersMax, enough } = options
  if (!session.connected) return Promise.resolve([])
  const answers: Uint8Array[] = []
  const inbox = createInbox()
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      subscription.unsubscribe()
      resolve(answers)
    }
    const timer = setTimeout(finish, timeoutMs)
    const subscription = session.connection.subscribe(inbox, {
      callback: (problem, message) => {
        // An empty message without an error: nobody listens there.
        if (problem !== null || message.data.length === 0) return
        answers.push(message.data)
        if (answers.length >= answersMax || enough(answers)) finish()
      },
    })
    session.connection.publish(subject, question, { reply: inbox })
  })
}
