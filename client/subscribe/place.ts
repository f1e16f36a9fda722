import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { CLOCK_SKEW_MS, scanAttributes, scanEvent } from '@landbridge/core'
import type { StartPosition } from '@landbridge/proto'
import type { Link } from '../transport/link.ts'
import type { SubscribeSettings } from './options.ts'

/** Identities that are remembered, to tell what was delivered before in another region. */
const SEEN_MAX = 50_000
const REGIONS_MAX = 64

/** The last events of a subscription by source and id, at most `SEEN_MAX`: older ones are forgotten. */
export class SeenEvents {
  readonly #keys = new Set<string>()

  /** Remembers an event; true when it was known already. */
  add(event: Uint8Array): boolean {
    const key = keyOf(event)
    if (key === undefined) return false
    if (this.#keys.has(key)) return true
    this.#keys.add(key)
    if (this.#keys.size > SEEN_MAX) for (const oldest of this.#keys) return this.#forget(oldest)
    return false
  }

  /** True for an event that is remembered. */
  has(event: Uint8Array): boolean {
    const key = keyOf(event)
    return key !== undefined && this.#keys.has(key)
  }

  #forget(key: string): false {
    this.#keys.delete(key)
    return false
  }
}

/**
 * Where a subscription is in the stream of each region that it has read. A region's own sequence is exact. In a region
 * that is new to it, it begins some time before its last event, because regions store the same events in other orders.
 */
export class Place {
  readonly #settings: SubscribeSettings
  readonly #sequences = new Map<string, number>()
  #last: Uint8Array | undefined
  #startedAtMs: number | undefined
  #firstRegion: string | undefined

  constructor(settings: SubscribeSettings) {
    this.#settings = settings
  }

  /** The subscription stood for the first time, or again. */
  started(region: string): void {
    this.#startedAtMs ??= Date.now()
    this.#firstRegion ??= region
  }

  /** An event was delivered. */
  note(region: string, sequence: number, event: Uint8Array): void {
    if (this.#sequences.size < REGIONS_MAX || this.#sequences.has(region)) this.#sequences.set(region, sequence)
    this.#last = event
  }

  /** False when the subscription cannot go on at a link: a bare sequence means something in its own region only. */
  canUse(link: Link): boolean {
    const { from } = this.#settings
    if (typeof from === 'string' || from instanceof Date || this.#last !== undefined) return true
    return this.#firstRegion === undefined || link.region === this.#firstRegion
  }

  /** Where the next stream begins at a link. */
  positionAt(link: Link): StartPosition {
    const sequence = link.region === undefined ? undefined : this.#sequences.get(link.region)
    // A group keeps its place; the position is for a region where it does not exist yet.
    if (sequence !== undefined && this.#settings.group === '')
      return positionOf({ case: 'sequence', value: BigInt(sequence + 1) })
    if (this.#last === undefined) return this.#firstPosition()
    const before = this.#recordedMs(this.#last) - this.#settings.overlapMs
    return timePosition(Math.max(before, this.#earliestMs()))
  }

  /** Nothing before was asked for. */
  #earliestMs(): number {
    const { from } = this.#settings
    if (from instanceof Date) return from.getTime()
    return from === 'latest' ? (this.#startedAtMs ?? 0) - CLOCK_SKEW_MS : 0
  }

  #firstPosition(): StartPosition {
    const { from } = this.#settings
    if (from === 'earliest') return positionOf({ case: 'earliest', value: true })
    if (from instanceof Date) return timePosition(from.getTime())
    if (from !== 'latest') return positionOf({ case: 'sequence', value: BigInt(from.sequence) })
    // "From now on" is from when it first stood: what came while it was disconnected counts.
    if (this.#startedAtMs !== undefined) return timePosition(this.#earliestMs())
    return positionOf({ case: 'latest', value: true })
  }

  #recordedMs(event: Uint8Array): number {
    const text = scanAttributes(event).get('recordedtime')
    const ms = text === undefined ? Number.NaN : Date.parse(text)
    return Number.isNaN(ms) ? (this.#startedAtMs ?? Date.now()) : ms
  }
}

function timePosition(epochMs: number): StartPosition {
  const ms = Math.max(0, Math.floor(epochMs))
  const seconds = Math.floor(ms / 1_000)
  const value: Timestamp = {
    $typeName: 'google.protobuf.Timestamp',
    seconds: BigInt(seconds),
    nanos: (ms - seconds * 1_000) * 1_000_000,
  }
  return positionOf({ case: 'time', value })
}

function positionOf(position: StartPosition['position']): StartPosition {
  return { $typeName: 'landbridge.v1.StartPosition', position }
}

function keyOf(event: Uint8Array): string | undefined {
  const scanned = scanEvent(event).value
  return scanned === undefined ? undefined : `${scanned.source}\n${scanned.id}`
}
