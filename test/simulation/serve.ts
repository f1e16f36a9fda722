import {
  type Placement,
  type Position,
  placePosition,
  type SessionIdentity,
  START,
  samePosition,
} from '@landbridge/core'
import type { HeadReport } from '../../gateway/replicate/serve/responses.ts'
import type { Stored, WireRecord } from './record.ts'
import type { Region } from './region.ts'
import { RelayPull } from './relay.ts'
import type { World } from './world.ts'

/** What a server says to "what follows?". */
export type Served =
  /** Empty: nothing does, as of now. `skipped`: up to there everything else was not for the receiver. */
  | { readonly kind: 'records'; readonly records: readonly WireRecord[]; readonly skipped?: Position | undefined }
  | { readonly kind: 'diverged' | 'retention-gap' | 'cannot-tell' | 'unavailable' }

/** What a receiver asks for. */
export type Request = {
  readonly origin: string
  readonly position: Position
  readonly scanned?: Position | undefined
  readonly skipGap?: boolean
  readonly receiver: string
  /** The regions that handed it on. */
  readonly path: readonly string[]
}

/** One pull, as the region serves it that was asked. */
export interface ServedPull {
  /** What follows what was served before. Anything but records ends it. */
  next(recordsMax: number): Served
  /** The receiver has durably applied everything up to here. */
  applied(position: Position): void
  /** How far the origin is, as its server would say; undefined while it does not serve. */
  head(): HeadReport | undefined
}

/** Begins to serve. */
export function serve(world: World, region: Region, request: Request): ServedPull {
  const { egress } = world
  const { path, receiver, origin } = request
  const relays = origin === region.name ? path : [...path, region.name]
  if (egress !== undefined && world.on('mayRelay') && !relays.every((relay) => egress.mayRelay(relay, receiver))) {
    return { next: () => ({ kind: 'cannot-tell' }), applied: () => undefined, head: () => undefined }
  }
  return origin === region.name ? new OwnPull(world, region, request) : new RelayPull(world, region, request)
}

/** A region's own records. As in the gateway it belongs to one session, and places the position once. */
class OwnPull implements ServedPull {
  readonly #world: World
  readonly #region: Region
  readonly #session: SessionIdentity
  readonly #skipGap: boolean
  #placed = false
  /** The record that was read last. */
  #looked: Position
  /** The record that passed last: the next one follows it. */
  #passed: Position

  readonly #receiver: string

  constructor(world: World, region: Region, { position, skipGap, receiver }: Request) {
    this.#receiver = receiver
    this.#world = world
    this.#region = region
    this.#session = region.session
    this.#skipGap = skipGap === true
    this.#looked = position
    this.#passed = position
  }

  next(recordsMax: number): Served {
    const { stream, session, name } = this.#region
    if (session !== this.#session) return { kind: 'unavailable' }
    const placement = this.#placed ? 'serve' : this.#place()
    if (placement !== 'serve') return { kind: placement }
    this.#placed = true
    const records: WireRecord[] = []
    const before = this.#looked
    for (const record of stream.behind(name, this.#looked.sequence)) {
      if (records.length === recordsMax) break
      // What was sent before it is good; the receiver hears of the gap the next time.
      if (this.#overtaken()) return records.length > 0 ? { kind: 'records', records } : { kind: 'retention-gap' }
      this.#looked = record.position
      const wire = wireOf(this.#world, this.#region, record, this.#passed)
      if (wire === undefined || this.#world.egress?.leaves(wire.traits, this.#receiver) === false) continue
      records.push(wire)
      this.#passed = record.position
    }
    const isNew = !samePosition(this.#looked, before) && !samePosition(this.#looked, this.#passed)
    return { kind: 'records', records, skipped: isNew ? this.#looked : undefined }
  }

  applied(position: Position): void {
    if (this.#placed && this.#region.session === this.#session) this.#region.onApplied(this.#receiver, position)
  }

  head(): HeadReport | undefined {
    const { stream, name, nowMs } = this.#region
    const position = stream.of(name).at(-1)?.position ?? START
    const pending = stream.behind(name, this.#looked.sequence).length
    return this.#placed ? { position, pending, stale: false, timeMs: nowMs } : undefined
  }

  #place(): Placement {
    const { stream, name } = this.#region
    if (!this.#world.on('match')) return 'serve'
    const found = stream.at(this.#looked.sequence)
    const placement = placePosition(this.#looked, {
      first: stream.first,
      last: stream.last,
      found: found && { stamp: found.localStamp, own: found.origin === name },
      ownTail: this.#region.tailAt(this.#looked),
    })
    if (placement !== 'retention-gap' || !(this.#skipGap || !this.#world.on('gap'))) return placement
    this.#looked = START
    return 'serve'
  }

  /** Retention took what may have been between the record that was read last and the next one. */
  #overtaken(): boolean {
    const { first } = this.#region.stream
    if (!this.#world.on('gap')) return false
    if (this.#looked.sequence === 0 || first <= this.#looked.sequence + 1) return false
    return (this.#region.tailAt(this.#looked)?.scanned ?? 0) < first - 1
  }
}

/**
 * A record as it travels. In place of a marker goes the event that it points to, marked as the marker says; undefined
 * when retention has taken that.
 */
export function wireOf(world: World, region: Region, record: Stored, prev: Position): WireRecord | undefined {
  const { position, mark } = record
  const event = record.kind === 'marker' ? region.stream.at(record.target) : record
  if (event === undefined) return undefined
  if (event.id !== record.id || event.kind !== 'event') {
    world.problem(`MARKER of ${record.id} in ${region.name} points to something else`)
    return undefined
  }
  return { position, prev, mark, byteLength: 1, id: event.id, recordedMs: event.recordedMs, traits: event.traits }
}
