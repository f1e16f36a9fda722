import type { HeldBy, Position } from '@landbridge/core'
import type { RefusalReason } from '@landbridge/proto'
import type { TopicEntry } from '../../topics.ts'

/** What a `PullOpen` asked for, once it was found to be allowed. */
export type PullRequest = {
  readonly id: number
  readonly topic: TopicEntry
  /** Whose events. */
  readonly origin: string
  /** The region that they are for: the peer, or one on whose behalf it asks. */
  readonly receiver: string
  /** Regions that handed the request on, the receiver first; empty when it comes from the receiver itself. */
  readonly path: readonly string[]
  /** The last record that passed to the receiver. */
  readonly position: Position
  /** The last record that was looked at for the receiver, when that is another one. */
  readonly scanned: Position | undefined
  /** The receiver has written down the gap behind its position. */
  readonly skipGap: boolean
  readonly creditBytes: number
}

/** What a served pull says to the stream that carries it. */
export type PullPorts = {
  /** Sends a frame to the peer. */
  send(frame: Buffer): void
  /** The position was found in this region's own log: the receiver has everything up to there. At most once. */
  onPlaced(): void
  /** Called after each frame of records. */
  onServed(records: number): void
  /** An event may not go to the receiver. */
  onHeld(by: HeldBy): void
  /** Tells the peer that the pull is over, and why. Called at most once; the pull is closed then. */
  refuse(reason: RefusalReason, message: string, first?: Position): void
}

/** One pull of another region, as the stream that carries it steers it. */
export type ServedPull = {
  readonly request: PullRequest
  /** True until the peer was told that it has all there is. */
  readonly behind: boolean
  /** Finds the receiver's position and begins. Once; never rejects. */
  start(): Promise<void>
  /** More bytes of records. */
  grant(bytes: number): void
  /** The stream that carries the pull takes nothing now, or takes frames again. */
  setBlocked(blocked: boolean): void
  /** Once a second while behind, now and then otherwise: tells the head, and looks whether all is well. Never rejects. */
  tick(): Promise<void>
  /** The receiver says how far it has applied. */
  applied(position: Position): void
  /** Ends it: the peer may ask again. */
  interrupt(why: string): void
  /** Ends it without a word to the peer. Idempotent. */
  close(): void
}

/** Frames of records leave at this size or count at the latest; when the stream is idle, at once. */
export const FRAME_BYTES = 256 * 1024
/** See `FRAME_BYTES`. */
export const FRAME_RECORDS = 500
/** What a paused pull may hold. */
export const WINDOW_BYTES = 1024 * 1024
/** While records flow the head is told at most this often. */
export const HEAD_INTERVAL_MS = 100
