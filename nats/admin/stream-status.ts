import { askStreamInfo } from '../api.ts'
import { isServerError, SERVER_ERROR } from '../server-error.ts'
import type { NatsSession } from '../session.ts'

/** A stream as its leader sees it. */
export type StreamStatus = {
  readonly messages: number
  readonly bytes: number
  readonly firstSequence: number
  /** 0 for a stream that never had a record. */
  readonly lastSequence: number
  /** When the oldest record that is kept was stored, ms since 1970; undefined when none is kept. */
  readonly firstTimeMs: number | undefined
  /** When the last record was stored, ms since 1970; undefined for a stream that never had one. */
  readonly lastTimeMs: number | undefined
  /** The incarnation: another text after the stream was made anew. */
  readonly created: string
  readonly replicas: number
  /** Name of the leading server; undefined outside a cluster and during an election. */
  readonly leader: string | undefined
  /** When the leader said this, by the clock that stamps what is stored, ms since 1970, rounded down; undefined when it did not tell. */
  readonly serverTimeMs: number | undefined
}

/** The stream's status; undefined when there is no such stream. Rejects with a MeshError when nobody can tell. */
export async function streamStatus(session: NatsSession, stream: string): Promise<StreamStatus | undefined> {
  try {
    const { state, created, config, cluster, ts } = await askStreamInfo(session, stream)
    return {
      messages: state.messages,
      bytes: state.bytes,
      firstSequence: state.first_seq,
      lastSequence: state.last_seq,
      firstTimeMs: state.messages === 0 || state.first_ts === undefined ? undefined : Date.parse(state.first_ts),
      lastTimeMs: state.last_seq === 0 || state.last_ts === undefined ? undefined : Date.parse(state.last_ts),
      created,
      replicas: typeof config.num_replicas === 'number' ? config.num_replicas : 1,
      leader: cluster?.leader === '' ? undefined : cluster?.leader,
      serverTimeMs: ts === undefined ? undefined : Math.floor(Date.parse(ts)),
    }
  } catch (error) {
    if (isServerError(error, SERVER_ERROR.streamNotFound)) return undefined
    throw error
  }
}
