import type { NatsSession } from '../session.ts'
import { followNotices } from './notices.ts'

/**
 * Calls back with the name of each stream that is made, as the server tells it. A hint only: what happens while there is
 * no connection is not heard. Returns what ends it.
 */
export function followCreatedStreams(session: NatsSession, onCreated: (stream: string) => void): () => void {
  return followNotices(session, 'STREAM.CREATED.*', ([stream]) => {
    if (stream !== undefined) onCreated(stream)
  })
}
