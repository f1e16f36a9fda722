import type { Msg } from '@nats-io/nats-core'
import type { FrameWriter } from '../outbound.ts'
import { ServerError, type ServerErrorBody } from '../server-error.ts'
import type { Pending } from './pending.ts'

/**
 * What a `BatchWriter` has in flight: requests that are stored, or fail, as one step in the order of the stream.
 *
 * 1. A unit settles every request it holds, or hands it back through `UnitHost.finished` for repair.
 * 2. It calls `finished` exactly once, and is told nothing afterwards.
 */
export type Unit = {
  /** The token after the writer's inbox under which its replies arrive. */
  readonly id: string
  /** Sends; called once, while connected. */
  start(): void
  /** A reply under `<inbox>.<id>`; `token` is what follows the id, '' for nothing. */
  onReply(token: string, message: Msg): void
  /** Called about every 50 ms. */
  onTick(nowMs: number): void
  /** The connection was lost: nothing more can be learnt about what was sent. */
  onDisconnect(): void
}

/** Requests to send again before anything else, in order. */
export type Repair = {
  /** 'single' for one message each, 'batch' where none of them was stored for certain. */
  readonly how: 'single' | 'batch'
  readonly pendings: readonly Pending[]
}

/** What a unit needs of its writer. */
export type UnitHost = {
  readonly stream: string
  readonly inbox: string
  readonly frames: FrameWriter
  finished(unit: Unit, repairs?: readonly Repair[]): void
  /** The stream or the server does not know batches: write singly from now on. */
  batchesRefused(reason: string): void
}

/** The body of a JetStream publish acknowledgement. */
export type Ack = {
  readonly seq?: number
  readonly duplicate?: boolean
  readonly count?: number
  readonly error?: ServerErrorBody
}

/** True for the reply that stands for "nobody listens there". */
export function isNoResponders(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503
}

/** The reply's body; undefined when it is none of JetStream's. */
export function readAck(message: Msg): Ack | undefined {
  if (message.data.length === 0) return undefined
  try {
    return message.json<Ack>()
  } catch {
    return undefined
  }
}

/** Fails `pendings` with the server's refusal. */
export function refuse(pendings: Iterable<Pending>, stream: string, body: ServerErrorBody): void {
  const error = new ServerError(`store in ${stream}`, body)
  for (const pending of pendings) pending.settle({ kind: 'failed', error })
}
