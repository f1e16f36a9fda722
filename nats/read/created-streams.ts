import type { NatsSession } from '../session.ts'

const SUBJECT = '$JS.EVENT.ADVISORY.STREAM.CREATED.'

/**
 * Calls back with the name of each stream that is made, as the server tells it. A hint only: what happens while there is
 * no connection is not heard. Returns what ends it.
 */
export function followCreatedStreams(session: NatsSession, onCreated: (stream: string) => void): () => void {
  const subscription = session.connection.subscribe(`${SUBJECT}*`, {
    // A user who may not hear them gets an error, and no message.
    callback: (error, message) => {
      if (error === null) onCreated(message.subject.slice(SUBJECT.length))
    },
  })
  return () => subscription.unsubscribe()
}
