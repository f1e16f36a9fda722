import type { NatsSession } from '../session.ts'

const PREFIX = '$JS.EVENT.ADVISORY.'

/**
 * Follows notices of the server, which are not stored: what happens while there is no connection is not heard.
 * @param subject What follows the common beginning: "STREAM.CREATED.*"
 * @param listener Called with the names behind the action: of the stream, then of the consumer
 * @returns ends it
 */
export function followNotices(
  session: NatsSession,
  subject: string,
  listener: (names: readonly string[]) => void,
): () => void {
  const subscription = session.connection.subscribe(`${PREFIX}${subject}`, {
    // A user who may not hear them gets an error, and no message.
    callback: (error, message) => {
      if (error === null) listener(message.subject.split('.').slice(5))
    },
  })
  return () => subscription.unsubscribe()
}
