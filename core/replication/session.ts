/**
 * What a run of an applier is bound to (rule 6). Read it first, compare it before
 * every later act.
 */
export type SessionIdentity = {
  /** The server that the connection is attached to. */
  readonly serverId: string
  /** How often the connection was lost and made again. */
  readonly reconnects: number
  /** When the stream was created, as the server tells it: another incarnation has another time. */
  readonly streamCreated: string
  /** The replica that leads the stream; undefined for a stream with one replica. */
  readonly streamLeader?: string | undefined
}

/**
 * Rule 6: position, checks, batch and checkpoint belong to one server session and
 * one incarnation of the stream. Without it: a run skips A:10 because a copy,
 * B:7, is here; a power loss takes B:7; the run goes on with A:11 and the event
 * is gone.
 */
export function sameSession(left: SessionIdentity, right: SessionIdentity): boolean {
  return (
    left.serverId === right.serverId &&
    left.reconnects === right.reconnects &&
    left.streamCreated === right.streamCreated &&
    left.streamLeader === right.streamLeader
  )
}
