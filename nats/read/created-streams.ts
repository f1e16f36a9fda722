import type { NatsSession } from '../session.ts'

const SUBJECT = '$JS.EVENT.ADVISORY.STREAM.CREATED.'

/**
 * Calls back with the name of each stream that is made, as the server tells it. A hint only: what happens while there is
 * no connection is not heard. Returns what ends it.
 */
export function followCreatedStreams(session: NatsSession, onCreated: (stream: string) => void): () => void {
  const subscription = session.connection.subscribe(`${SUBJECT}*`, {
    callback: (problem, { subject }) => {
      if (problem === null) onCreated(subject.slice(SUBJECT.length))
    },
  })
  return () => subscription.unsubscribe()
}
