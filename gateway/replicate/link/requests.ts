import { create } from '@bufbuild/protobuf'
import type { Position } from '@landbridge/core'
import { type ReplicateRequest, ReplicateRequestSchema } from '@landbridge/proto'

/** What a pull asks for. */
export type OpenRequest = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly origin: string
  readonly position: Position
  readonly creditBytes: number
}

/** A `PullOpen`. */
export function openRequest(pullId: number, { topic, origin, position, creditBytes }: OpenRequest): ReplicateRequest {
  return create(ReplicateRequestSchema, {
    request: {
      case: 'open',
      value: { pullId, topic, origin, position: wirePosition(position), creditBytes: BigInt(creditBytes) },
    },
  })
}

/** A `PullCredit`. */
export function creditRequest(pullId: number, bytes: number): ReplicateRequest {
  return create(ReplicateRequestSchema, { request: { case: 'credit', value: { pullId, bytes: BigInt(bytes) } } })
}

/** A `PullApplied`. */
export function appliedRequest(pullId: number, position: Position): ReplicateRequest {
  return create(ReplicateRequestSchema, {
    request: { case: 'applied', value: { pullId, position: wirePosition(position) } },
  })
}

/** A `PullClose`. */
export function closeRequest(pullId: number): ReplicateRequest {
  return create(ReplicateRequestSchema, { request: { case: 'close', value: { pullId } } })
}

function wirePosition(position: Position): { sequence: bigint; stamp: bigint } {
  return { sequence: BigInt(position.sequence), stamp: position.stamp }
}
