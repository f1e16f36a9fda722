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
  /** The region that the records are for; default: this one. */
  readonly receiver?: string | undefined
  /** Regions that handed the request on, the receiver first; default none. */
  readonly path?: readonly string[] | undefined
  /** The last record that was looked at and did not pass; default none. */
  readonly scanned?: Position | undefined
  /** The gap right behind `position` is written down: serve what is kept. Default false. */
  readonly skipGap?: boolean | undefined
}

/** A `PullOpen`. */
export function openRequest(pullId: number, request: OpenRequest): ReplicateRequest {
  const { topic, origin, position, creditBytes, receiver = '', path = [], scanned, skipGap = false } = request
  const value = {
    pullId,
    topic,
    origin,
    position: wirePosition(position),
    creditBytes: BigInt(creditBytes),
    receiver,
    path: [...path],
    skipGap,
    ...(scanned === undefined ? {} : { scanned: wirePosition(scanned) }),
  }
  return create(ReplicateRequestSchema, { request: { case: 'open', value } })
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
