import { MeshError } from '@landbridge/core'
import { streamStatus } from '../admin/stream-status.ts'
import type { NatsSession } from '../session.ts'
import type { StoredMessage } from './message.ts'
import { recordAt } from './records.ts'

/**
 * A record that the stream is known to have had; undefined when it is certain that it is no longer kept. A server that has
 * only just become leader, or a store that lost its tail, may not have it either, and then nobody can tell.
 * @throws MeshError 'unavailable' when the stream ends before it
 */
export async function keptRecordAt(
  session: NatsSession,
  stream: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  const record = await recordAt(session, stream, sequence)
  if (record !== undefined) return record
  const status = await streamStatus(session, stream)
  if (status === undefined || status.lastSequence < sequence) {
    const end = status?.lastSequence ?? 'nowhere'
    throw new MeshError('unavailable', `read ${stream}: it ends at ${end}, wanted ${sequence}, which it had, try again`)
  }
  // Once more: who answered first may have caught up since.
  return status.firstSequence > sequence ? undefined : recordAt(session, stream, sequence)
}
