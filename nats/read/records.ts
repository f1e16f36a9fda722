import { askJetStream } from '../api.ts'
import { isServerError, SERVER_ERROR } from '../server-error.ts'
import type { NatsSession } from '../session.ts'
import { type RawRecord, rawMessage, type StoredMessage } from './message.ts'

/**
 * The newest record that matches `filter`, undefined when there is none. From the stream's leader: a position or a
 * fence must not come from a replica that lags. Rejects with a MeshError; a missing stream is `not_found`.
 */
export function lastRecord(session: NatsSession, stream: string, filter: string): Promise<StoredMessage | undefined> {
  return getRecord(session, stream, { last_by_subj: filter })
}

/** The record at `sequence`, from the stream's leader; undefined when there is none (any more). */
export function recordAt(session: NatsSession, stream: string, sequence: number): Promise<StoredMessage | undefined> {
  return getRecord(session, stream, { seq: sequence })
}

/** The first record at or after `sequence` that matches `filter`, from the stream's leader. */
export function nextRecord(
  session: NatsSession,
  stream: string,
  sequence: number,
  filter: string,
): Promise<StoredMessage | undefined> {
  return getRecord(session, stream, { seq: Math.max(1, sequence), next_by_subj: filter })
}

async function getRecord(session: NatsSession, stream: string, query: object): Promise<StoredMessage | undefined> {
  try {
    const answer = await askJetStream<{ readonly message: RawRecord }>(session, `STREAM.MSG.GET.${stream}`, query)
    return rawMessage(answer.message)
  } catch (error) {
    if (isServerError(error, SERVER_ERROR.noMessage)) return undefined
    throw error
  }
}
