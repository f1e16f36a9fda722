import { type Position, type QuorumView, samePosition } from '@landbridge/core'
import { APPLIED_ENTRIES_MAX, type AppliedEntry, decodeApplied, encodeApplied } from './applied-message.ts'

/** How far another region has applied this region's own log of a topic. */
export type AppliedPosition = { readonly region: string; readonly position: Position; readonly heardAtMs: number }

/** What this gateway hears itself; `PeerPositions` of the replication is one. */
export type LocalPositions = {
  of(topic: string): readonly AppliedPosition[]
  all(): readonly (AppliedPosition & { readonly topic: string })[]
  onChange(listener: (topic: string, region: string) => void): () => void
}

/** What these positions need. */
export type AppliedPositionsOptions = {
  /** Names this process among those of the region. */
  readonly gateway: string
  readonly local: LocalPositions
  /** Tells every gateway of the region, this one included; false when it cannot now. */
  readonly send: (payload: string) => boolean
  /** Whether a topic's positions interest anybody. */
  readonly wanted: (topic: string) => boolean
  /** Default `performance.now`. */
  readonly monotonic?: () => number
}

/** Changes are told at once, and then at most this often. */
const TELL_INTERVAL_MS = 5
/** Everything is told again this often: a message may get lost, and a gateway may be new. */
const REFRESH_MS = 1_000
/** What a gateway has not told for so long is not believed any more: it is gone, or it cannot be heard. */
const EXPIRY_MS = 3_500
/** Gateways of a region, and what one of them may tell. */
const GATEWAYS_MAX = 64
const ENTRIES_MAX = 20_000

type RemoteEntry = AppliedPosition & { seenAtMs: number }

/** What one gateway told: by topic, then by region. */
type RemoteEntries = { readonly topics: Map<string, Map<string, RemoteEntry>>; size: number }

/**
 * How far the other regions have applied this region's log, as all its gateways hear it: a region pulls from one of
 * them, and every one of them acknowledges events.
 *
 * 1. What another gateway says counts from when it was first heard here; said again, it does not count anew.
 * 2. Everything is forgotten at `reset`: what was said over the connection before is said of a log that may have been
 *    another one.
 * 3. A gateway sends at most one message each 5 ms, and one a second while it has something to say.
 */
export class AppliedPositions implements Disposable {
  readonly #options: AppliedPositionsOptions
  readonly #monotonic: () => number
  readonly #remote = new Map<string, RemoteEntries>()
  readonly #listeners = new Set<(topic: string) => void>()
  readonly #dirty = new Map<string, Pick<AppliedEntry, 'topic' | 'region'>>()
  readonly #absentSince = new Map<string, number>()
  readonly #stopFollowing: () => void
  readonly #refresh: NodeJS.Timeout
  #telling: NodeJS.Timeout | undefined
  #toldAtMs = Number.NEGATIVE_INFINITY
  #resetAtMs: number

  constructor(options: AppliedPositionsOptions) {
    this.#options = options
    this.#monotonic = options.monotonic ?? (() => performance.now())
    this.#resetAtMs = this.#monotonic()
    this.#stopFollowing = options.local.onChange((topic, region) => {
      if (!options.wanted(topic)) return
      this.#dirty.set(`${topic} ${region}`, { topic, region })
      this.#changed(topic)
      this.#tellSoon()
    })
    this.#refresh = setInterval(() => this.#refreshAll(), REFRESH_MS).unref()
  }

  /** One entry a region that pulls the topic now, from whichever gateway: the furthest. */
  of(topic: string): readonly AppliedPosition[] {
    const regions = new Map<string, AppliedPosition>()
    const add = (entry: AppliedPosition) => {
      const known = regions.get(entry.region)
      if (known === undefined || entry.position.sequence > known.position.sequence) regions.set(entry.region, entry)
    }
    for (const entry of this.#options.local.of(topic)) add(entry)
    for (const { topics } of this.#remote.values()) {
      for (const entry of topics.get(topic)?.values() ?? []) add(entry)
    }
    return [...regions.values()]
  }

  /** The same, as a decision needs it. */
  view(topic: string): QuorumView {
    const entries = this.of(topic)
    const reports = entries.map(({ region, position, heardAtMs }) => ({
      region,
      sequence: position.sequence,
      heardAtMs,
    }))
    if (reports.length > 0) {
      this.#absentSince.delete(topic)
      return { reports, absentSinceMs: undefined }
    }
    return { reports, absentSinceMs: this.#absentSince.get(topic) ?? this.#resetAtMs }
  }

  /** Calls `listener` when something of a topic changes, until the returned function is called. */
  onChange(listener: (topic: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A message of a gateway of the region. */
  take(payload: Uint8Array): void {
    const message = decodeApplied(payload)
    if (message === undefined || message.gateway === this.#options.gateway) return
    let entries = this.#remote.get(message.gateway)
    if (entries === undefined) {
      if (this.#remote.size >= GATEWAYS_MAX) return
      entries = { topics: new Map(), size: 0 }
      this.#remote.set(message.gateway, entries)
    }
    const changed = new Set<string>()
    for (const entry of message.entries) if (this.#store(entries, entry)) changed.add(entry.topic)
    for (const topic of changed) this.#changed(topic)
  }

  /** The connection to NATS changed: nothing that was heard counts. */
  reset(): void {
    this.#remote.clear()
    this.#absentSince.clear()
    this.#resetAtMs = this.#monotonic()
  }

  /** Ends its timers. Idempotent. */
  close(): void {
    this.#stopFollowing()
    clearInterval(this.#refresh)
    clearTimeout(this.#telling)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #store(entries: RemoteEntries, { topic, region, position }: AppliedEntry): boolean {
    if (position === undefined) return remove(entries, topic, region)
    const nowMs = this.#monotonic()
    const regions = entries.topics.get(topic) ?? new Map<string, RemoteEntry>()
    const known = regions.get(region)
    if (known !== undefined && samePosition(known.position, position)) {
      known.seenAtMs = nowMs
      return false
    }
    if (known === undefined) {
      if (entries.size >= ENTRIES_MAX) return false
      entries.size += 1
      entries.topics.set(topic, regions)
    }
    regions.set(region, { region, position, heardAtMs: nowMs, seenAtMs: nowMs })
    return true
  }

  #changed(topic: string): void {
    if (this.of(topic).length > 0) this.#absentSince.delete(topic)
    else if (!this.#absentSince.has(topic)) this.#absentSince.set(topic, this.#monotonic())
    for (const listener of this.#listeners) listener(topic)
  }

  #tellSoon(): void {
    if (this.#telling !== undefined) return
    const waitMs = this.#toldAtMs + TELL_INTERVAL_MS - this.#monotonic()
    if (waitMs <= 0) this.#tell()
    else this.#telling = setTimeout(() => this.#tell(), waitMs)
  }

  #tell(): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    this.#toldAtMs = this.#monotonic()
    const { local } = this.#options
    const entries = [...this.#dirty.values()].map(({ topic, region }) => {
      const entry = local.of(topic).find((one) => one.region === region)
      return { topic, region, position: entry?.position }
    })
    this.#dirty.clear()
    this.#send(entries)
  }

  #refreshAll(): void {
    const { local, wanted } = this.#options
    this.#send(local.all().filter(({ topic }) => wanted(topic)))
    const expiredMs = this.#monotonic() - EXPIRY_MS
    for (const [gateway, entries] of this.#remote) {
      for (const [topic, regions] of entries.topics) {
        for (const { region, seenAtMs } of regions.values()) {
          if (seenAtMs <= expiredMs && remove(entries, topic, region)) this.#changed(topic)
        }
      }
      if (entries.size === 0) this.#remote.delete(gateway)
    }
    for (const topic of this.#absentSince.keys()) if (!wanted(topic)) this.#absentSince.delete(topic)
  }

  #send(entries: readonly AppliedEntry[]): void {
    for (let begin = 0; begin < entries.length; begin += APPLIED_ENTRIES_MAX) {
      const part = entries.slice(begin, begin + APPLIED_ENTRIES_MAX)
      if (!this.#options.send(encodeApplied(this.#options.gateway, part))) return
    }
  }
}

function remove(entries: RemoteEntries, topic: string, region: string): boolean {
  const regions = entries.topics.get(topic)
  if (regions?.delete(region) !== true) return false
  entries.size -= 1
  if (regions.size === 0) entries.topics.delete(topic)
  return true
}
