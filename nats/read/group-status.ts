import { askJetStream, askStreamInfo } from '../api.ts'
import { isServerError, SERVER_ERROR } from '../server-error.ts'
import type { NatsSession } from '../session.ts'

/** A group as the server has it, or the room for a new one. */
export type GroupStatus =
  | { readonly exists: true; readonly ackWaitMs: number }
  /** `consumers`: all of the stream's: groups, and readers of the moment. */
  | { readonly exists: false; readonly consumers: number }

/** What there is of a group. Rejects with a MeshError when nobody can tell. */
export async function groupStatus(session: NatsSession, stream: string, group: string): Promise<GroupStatus> {
  try {
    const found: { readonly config: { readonly ack_wait?: number } } = await askJetStream(
      session,
      `CONSUMER.INFO.${stream}.${group}`,
    )
    return { exists: true, ackWaitMs: (found.config.ack_wait ?? 0) / 1e6 }
  } catch (error) {
    if (!isServerError(error, SERVER_ERROR.consumerNotFound)) throw error
  }
  const { state } = await askStreamInfo(session, stream)
  return { exists: false, consumers: state.consumer_count }
}
