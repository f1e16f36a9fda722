import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Position } from '@landbridge/core'
import { type ReplicateRequest, ReplicateRequestSchema } from '@landbridge/proto'
import type { MatchQuestion } from './questions.ts'

/** What a pull asks for. */
export type OpenRequest = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly origin: string
  readonly position: Position
  readonly creditBytes: number
  /** On behalf of another region, which this one serves. Default: for this region. */
  readonly receiver?: string
  /** Regions that handed the request on, the receiver first. Default none. */
  readonly path?: readonly string[]
  /** The last record that was looked at and not passed, if there is one behind `position`. */
  readonly scanned?: Position | undefined
  /** It is written down here that records right behind `position` are kept nowhere. Default false. */
  readonly skipGap?: boolean
}

type Request = NonNullable<MessageInitShape<typeof ReplicateRequestSchema>['request']>

/** A `PullOpen`. */
export function openRequest(pullId: number, request: OpenRequest): ReplicateRequest {
  const { topic, origin, position, creditBytes, receiver = '', path = [], scanned, skipGap = false } = request
  return encode({
    case: 'open',
    value: {
      pullId,
      topic,
      origin,
      position: wirePosition(position),
      creditBytes: BigInt(creditBytes),
      receiver,
      path: [...path],
      skipGap,
      ...(scanned === undefined ? {} : { scanned: wirePosition(scanned) }),
    },
  })
}

/** A `PullCredit`. */
export function creditRequest(pullId: number, bytes: number): ReplicateRequest {
  return encode({ case: 'credit', value: { pullId, bytes: BigInt(bytes) } })
}

/** A `PullApplied`. */
export function appliedRequest(pullId: number, position: Position): ReplicateRequest {
  return encode({ case: 'applied', value: { pullId, position: wirePosition(position) } })
}

/** A `PullClose`. */
export function closeRequest(pullId: number): ReplicateRequest {
  return encode({ case: 'close', value: { pullId } })
}

/** A `MatchRequest`. */
export function matchRequest(
  matchId: number,
  { topic, origin, positions, path = [] }: MatchQuestion,
): ReplicateRequest {
  return encode({
    case: 'match',
    value: { matchId, topic, origin, positions: positions.map(wirePosition), path: [...path] },
  })
}

/** A `HoldingsWatch`. */
export function watchRequest(origins: readonly string[]): ReplicateRequest {
  return encode({ case: 'watch', value: { origins: [...origins] } })
}

/** A `Ping`. */
export function pingRequest(id: bigint): ReplicateRequest {
  return encode({ case: 'ping', value: { id } })
}

function encode(request: Request): ReplicateRequest {
  return create(ReplicateRequestSchema, { request })
}

function wirePosition(position: Position): { sequence: bigint; stamp: bigint } {
  return { sequence: BigInt(position.sequence), stamp: position.stamp }
}
