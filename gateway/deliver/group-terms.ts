import { MeshError } from '@landbridge/core'
import { groupStatus, type NatsSession } from '@landbridge/nats'
import { ACK_WAIT_DEFAULT_MS, type Start } from './start.ts'

/** What is asked about a group before a member joins it. */
export type GroupTermsOptions = {
  readonly session: NatsSession
  readonly stream: string
  readonly start: Pick<Start, 'group' | 'ackWaitMs'>
  /** Groups of one topic. */
  readonly groupsMax: number
}

/**
 * The acknowledgement wait, in ms, of the group that a member joins or makes. A group keeps its place for ever, members
 * or not (the server would forget an idle one only together with its place), so their number is bounded. Readers of
 * the moment count too, and members that make groups at the same moment may exceed the bound by as many.
 * @throws MeshError 'failed_precondition' when the member wants another wait than the group has; 'resource_exhausted'
 *   when it would be one group too many.
 */
export async function groupAckWaitMs({ session, stream, start, groupsMax }: GroupTermsOptions): Promise<number> {
  const { group, ackWaitMs } = start
  const status = await groupStatus(session, stream, group)
  if (!status.exists) {
    if (status.consumers < groupsMax) return ackWaitMs ?? ACK_WAIT_DEFAULT_MS
    throw new MeshError('resource_exhausted', `subscribe: the topic has ${status.consumers} groups and readers already`)
  }
  if (ackWaitMs === undefined || ackWaitMs === status.ackWaitMs) return status.ackWaitMs
  throw new MeshError(
    'failed_precondition',
    `subscribe: ack_wait is ${ackWaitMs} ms, wanted none or the group's own of ${status.ackWaitMs} ms`,
  )
}
