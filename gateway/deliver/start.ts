import { MeshError, parseTopicName } from '@landbridge/core'
import { type NatsSession, type ReadStart, streamStatus } from '@landbridge/nats'
import type { StartPosition, SubscribeStart } from '@landbridge/proto'
import { msOf } from '../time.ts'
import { Credit } from './credit.ts'

/** A checked `SubscribeStart`. */
export type Start = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  /** '' for an ephemeral reader. */
  readonly group: string
  readonly position: StartPosition | undefined
  readonly credit: Credit
  /** Undefined: the group's own, or the default for a new one. */
  readonly ackWaitMs: number | undefined
}

/** For a new group whose first member does not say. */
export const ACK_WAIT_DEFAULT_MS = 30_000
const ACK_WAIT_MIN_MS = 1000
const ACK_WAIT_MAX_MS = 12 * 3_600_000
const GROUP = /^[A-Za-z0-9_-]{1,64}$/

/** Checks a start. @throws MeshError 'invalid_argument' that says what is wrong. */
export function checkStart(start: SubscribeStart): Start {
  const name = parseTopicName(start.topic)
  if (name.error !== undefined) throw name.error
  if (start.group !== '' && !GROUP.test(start.group)) {
    throw refusal('group is malformed, wanted 1 to 64 letters, digits, "-" or "_"')
  }
  const ackWaitMs = start.ackWait === undefined ? undefined : msOf(start.ackWait)
  if (ackWaitMs !== undefined && !(ackWaitMs >= ACK_WAIT_MIN_MS && ackWaitMs <= ACK_WAIT_MAX_MS)) {
    throw refusal(`ack_wait is ${ackWaitMs} ms, wanted 1 s to 12 h`)
  }
  if (start.position !== undefined && start.position.position.case === undefined) {
    throw refusal('position is empty, wanted latest, earliest, time or sequence')
  }
  const credit = new Credit({ messages: start.credit?.messages ?? 0, bytes: start.credit?.bytes ?? 0n })
  return { topic: start.topic, group: start.group, position: start.position, credit, ackWaitMs }
}

/**
 * Where to begin reading a stream. "From now on" is fixed here to a sequence: what is stored after the subscriber was
 * told that its subscription stands must reach it, also when its consumer on the server is made a moment later.
 * @throws MeshError 'invalid_argument', or 'unavailable' when the stream cannot be asked.
 */
export async function readStartOf(
  position: StartPosition | undefined,
  session: NatsSession,
  stream: string,
): Promise<ReadStart> {
  const chosen = position?.position
  switch (chosen?.case) {
    case 'earliest':
      return 'all'
    case 'time': {
      const timeMs = msOf(chosen.value)
      if (!(timeMs >= 0 && timeMs < 253_402_300_800_000)) throw refusal('time is out of range, wanted 1970 to 9999')
      return { timeMs }
    }
    case 'sequence': {
      if (chosen.value > BigInt(Number.MAX_SAFE_INTEGER)) throw refusal('sequence is out of range, wanted below 2^53')
      return { sequence: Math.max(1, Number(chosen.value)) }
    }
    default: {
      const status = await streamStatus(session, stream)
      if (status === undefined) {
        throw new MeshError('unavailable', 'subscribe: the topic has no stream in this region yet, try again', {
          retryAfterMs: 1000,
        })
      }
      return { sequence: status.lastSequence + 1 }
    }
  }
}

function refusal(text: string): MeshError {
  return new MeshError('invalid_argument', `subscribe: ${text}`)
}
