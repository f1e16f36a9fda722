import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { Position } from '@landbridge/core'
import {
  type Holding,
  type MatchResult,
  messageCodec,
  type RefusalReason,
  type ReplicateResponse,
  ReplicateResponseSchema,
} from '@landbridge/proto'

const { serialize } = messageCodec(ReplicateResponseSchema)

/** What a `PullHead` says. */
export type HeadReport = {
  readonly position: Position
  readonly pending: number
  /** The origin is not heard now. Default false. */
  readonly stale?: boolean | undefined
  /** When the origin's stream had this head, by its own server, ms since 1970; undefined when not known. */
  readonly timeMs?: number | undefined
}

/** An encoded `PullHead`. */
export function encodeHead(pullId: number, { position, pending, stale = false, timeMs }: HeadReport): Buffer {
  const value = { pullId, head: wirePosition(position), pending: BigInt(pending), stale }
  return encode({ case: 'head', value: timeMs === undefined ? value : { ...value, time: timestampFromMs(timeMs) } })
}

/** An encoded `PullSkipped`. */
export function encodeSkipped(pullId: number, position: Position): Buffer {
  return encode({ case: 'skipped', value: { pullId, position: wirePosition(position) } })
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

/** An encoded `MatchResponse`: results, or the reason why there are none. */
export function encodeMatch(matchId: number, answer: readonly MatchResult[] | RefusalReason): Buffer {
  const value = typeof answer === 'number' ? { matchId, reason: answer } : { matchId, results: [...answer] }
  return encode({ case: 'match', value })
}

/** One `Holding` to encode. */
export type HoldingReport = Pick<Holding, 'topic' | 'origin' | 'repairing'> & { readonly position: Position }

/** Encoded `Holdings`. */
export function encodeHoldings(reports: readonly HoldingReport[]): Buffer {
  const holdings = reports.map(({ position, ...rest }) => ({ ...rest, position: wirePosition(position) }))
  return encode({ case: 'holdings', value: { holdings } })
}

/** An encoded answer to a ping. */
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

/** A position as it came; undefined when there is none, or none that can be. */
export function positionOf(
  position: { readonly sequence: bigint; readonly stamp: bigint } | undefined,
): Position | undefined {
  if (position === undefined) return undefined
  const sequence = Number(position.sequence)
  return Number.isSafeInteger(sequence) ? { sequence, stamp: position.stamp } : undefined
}
