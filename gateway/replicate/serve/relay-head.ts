import { type Position, START } from '@landbridge/core'
import type { PullHead } from '@landbridge/proto'
import { type HeadReport, positionOf } from './responses.ts'

/** What this region knows of a foreign origin's end, from its own pull. */
export type KnownHead = {
  readonly position: Position
  /** True when the origin itself is not heard now. */
  readonly stale: boolean
  /** When the origin's stream had this head, by its own server, ms since 1970. */
  readonly timeMs?: number | undefined
  /** The region that says so: the origin or a relay. */
  readonly from?: string | undefined
}

/** How far an origin is, as a relay knows it: from its upstream while a pull is handed on, or else from its own pull and stream. */
export class RelayHead {
  readonly #known: () => KnownHead | undefined
  readonly #peer: string
  #local: Position = START
  #sent: Position = START
  #upstream: PullHead | undefined
  #upstreamWaiting = 0
  #told: HeadReport | undefined

  /** @param peer the region that is told */
  constructor(known: () => KnownHead | undefined, peer: string) {
    this.#known = known
    this.#peer = peer
  }

  /** True until the receiver was told that it has all there is, and whether that is sure. */
  get behind(): boolean {
    if (this.#told?.pending !== 0) return true
    return this.#upstream === undefined && (this.#heard()?.stale ?? true) !== (this.#told.stale ?? false)
  }

  /** The newest record of the local stream. */
  onLocal(position: Position | undefined): void {
    if (position !== undefined && position.sequence > this.#local.sequence) this.#local = position
  }

  onSent(position: Position | undefined): void {
    this.#sent = position ?? this.#sent
  }

  /** What the upstream says, and how many of its records wait here. True when it says something new. */
  onUpstream(head: PullHead | undefined, waiting: number): boolean {
    const isNew = head !== undefined && head !== this.#upstream
    this.#upstream = head
    this.#upstreamWaiting = waiting
    return isNew
  }

  /** @param unread entries of the local stream that are still to be read; undefined when it is not read */
  report(unread: number | undefined): HeadReport {
    this.#told = this.#upstream === undefined ? this.#fromLocal(unread ?? 0) : this.#fromUpstream(this.#upstream)
    return this.#told
  }

  #fromUpstream({ head, pending, stale, time }: PullHead): HeadReport {
    const position = positionOf(head) ?? START
    const timeMs = time === undefined ? undefined : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6)
    return { position, pending: Number(pending) + this.#upstreamWaiting, stale, timeMs }
  }

  /** What the peer told us is no news to it: two relays would vouch for each other while nobody hears the origin. */
  #heard(): KnownHead | undefined {
    const known = this.#known()
    return known?.from === this.#peer ? { ...known, stale: true } : known
  }

  #fromLocal(unread: number): HeadReport {
    const known = this.#heard()
    const local = this.#sent.sequence > this.#local.sequence ? this.#sent : this.#local
    if (known === undefined || known.position.sequence < local.sequence) {
      return { position: local, pending: unread, stale: known?.stale ?? true }
    }
    // What this region does not have yet is counted in sequences, which is never too few.
    const { position, stale, timeMs } = known
    return { position, pending: unread + position.sequence - local.sequence, stale, timeMs }
  }
}
