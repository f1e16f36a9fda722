import { type Position, placePosition, type SessionIdentity } from '@landbridge/core'
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
}

/** Begins to serve. */
export function serve(world: World, region: Region, request: Request): ServedPull {
  return request.origin === region.name ? new OwnPull(world, region, request) : new RelayPull(world, region, request)
}

/** A region's own records. As in the gateway it belongs to one session, and places the position once. */
class OwnPull implements ServedPull {
  readonly #world: World
  readonly #region: Region
  readonly #session: SessionIdentity
  #placed = false
  /** The record that was read last: the next one follows it. */
  #prev: Position

  constructor(world: World, region: Region, { position }: Request) {
    this.#world = world
    this.#region = region
    this.#session = region.session
    this.#prev = position
  }

  next(recordsMax: number): Served {
    const { stream, session, name } = this.#region
    if (session !== this.#session) return { kind: 'unavailable' }
    if (!this.#placed && this.#world.on('match')) {
      const { sequence } = this.#prev
      const found = stream.at(sequence)
      const placement = placePosition(this.#prev, {
        first: stream.first,
        last: stream.last,
        found: found && { stamp: found.localStamp, own: found.origin === name },
        ownTail: undefined,
      })
      if (placement !== 'serve') return { kind: placement }
    }
    this.#placed = true
    const records: WireRecord[] = []
    for (const record of stream.behind(name, this.#prev.sequence)) {
      if (records.length === recordsMax) break
      const wire = wireOf(this.#world, this.#region, record, this.#prev)
      if (wire === undefined) continue
      records.push(wire)
      this.#prev = record.position
    }
    return { kind: 'records', records }
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
  return { position, prev, mark, byteLength: 1, id: event.id, recordedMs: event.recordedMs }
}
