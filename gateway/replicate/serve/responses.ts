import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { Position } from '@landbridge/core'
import { messageCodec, type RefusalReason, type ReplicateResponse, ReplicateResponseSchema } from '@landbridge/proto'

const { serialize } = messageCodec(ReplicateResponseSchema)

/** An encoded `PullHead`. */
export function encodeHead(pullId: number, head: Position, pending: number): Buffer {
  return encode({ case: 'head', value: { pullId, head: wirePosition(head), pending: BigInt(pending) } })
}

/** An encoded `PullRefused`; `first` only with a retention gap. */
export function encodeRefused(pullId: number, reason: RefusalReason, message: string, first?: Position): Buffer {
  const value = { pullId, reason, message }
  return encode({ case: 'refused', value: first === undefined ? value : { ...value, first: wirePosition(first) } })
}

/** An encoded `Heartbeat`. */
export function encodeHeartbeat(nowMs: number): Buffer {
  return encode({ case: 'heartbeat', value: { time: timestampFromMs(nowMs) } })
}

/** An encoded `Ping`, sent back. */
export function encodePong(id: bigint): Buffer {
  return encode({ case: 'pong', value: { id } })
}

type Response = Extract<
  Parameters<typeof create<typeof ReplicateResponseSchema>>[1],
  { response?: unknown }
>['response']

function encode(response: NonNullable<Response>): Buffer {
  const message: ReplicateResponse = create(ReplicateResponseSchema, { response })
  return serialize(message)
}

function wirePosition(position: Position): { sequence: bigint; stamp: bigint } {
  return { sequence: BigInt(position.sequence), stamp: position.stamp }
}
