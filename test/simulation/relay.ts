import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  type BendRecord,
  type LiveSegment,
  type LocalEntry,
  liveSegments,
  type Position,
  placeInLog,
  type RelayAction,
  type RelayEntry,
  type RelayInput,
  type RelayPlace,
  type RelayRefusal,
  RelayRun,
  resolvePosition,
  type SessionIdentity,
  START,
  samePosition,
} from '@landbridge/core'
import { type PullHead, PullHeadSchema } from '@landbridge/proto'
import { RelayHead } from '../../gateway/replicate/serve/relay-head.ts'
import type { HeadReport } from '../../gateway/replicate/serve/responses.ts'
import type { Stored, WireRecord } from './record.ts'
import type { Region } from './region.ts'
import { type Request, type Served, type ServedPull, serve, wireOf } from './serve.ts'
import type { World } from './world.ts'

/** Regions that may hand one request on, as the protocol has it. */
const PATH_MAX = 7
/** More actions than this, for one answer, never end. */
const ACTIONS_MAX = 1_000
/** How often a relay looks whether its own stream can go on. */
const RELOCATE = 0.3

/** Another region's records: `RelayRun` decides, this acts. What the run does at once in a gateway, it does at once here. */
export class RelayPull implements ServedPull {
  readonly #world: World
  readonly #region: Region
  readonly #request: Request
  readonly #session: SessionIdentity
  /** What it says of the origin's end. */
  readonly #head: RelayHead
  #run: RelayRun<WireRecord> | undefined
  #action: RelayAction<WireRecord> | undefined
  #segments: readonly LiveSegment[] | undefined
  /** What upstream looked at behind the records that it sent. */
  #skipped: Position | undefined
  /** Told once an answer: nobody upstream may have more. */
  #endTold = false
  #upstream: { readonly region: Region; readonly pull: ServedPull } | undefined

  constructor(world: World, region: Region, request: Request) {
    this.#world = world
    this.#region = region
    this.#request = request
    this.#session = region.session
    const { origin, path, receiver } = request
    this.#head = new RelayHead(() => region.routes?.originHead(origin), path.at(-1) ?? receiver)
  }

  next(recordsMax: number): Served {
    if (this.#region.session !== this.#session) return { kind: 'unavailable' }
    this.#run ??= this.#open()
    this.#endTold = false
    let action = this.#action ?? this.#run.begin()
    let sent: Served | undefined
    for (let count = 0; count < ACTIONS_MAX; count++) {
      if (action.kind === 'refuse') {
        this.#action = action
        return { kind: action.reason === 'repairing' ? 'cannot-tell' : action.reason }
      }
      if (action.kind === 'emit') {
        sent = emitted(action)
        this.#head.onSent(action.events.at(-1)?.position)
      }
      const answer: RelayInput<WireRecord> | undefined = this.#act(action, recordsMax)
      // Nothing more for now: the same action is tried again when the receiver asks the next time.
      this.#action = answer === undefined ? action : this.#run.next(answer)
      if (answer === undefined || sent !== undefined) return sent ?? { kind: 'records', records: [] }
      action = this.#action
    }
    throw new Error(`relay of ${this.#request.origin} in ${this.#region.name}: never ends`)
  }

  applied(position: Position): void {
    this.#upstream?.pull.applied(position)
  }

  head(): HeadReport | undefined {
    if (this.#run === undefined) return undefined
    this.#head.onLocal(this.#region.stream.lastOf(this.#request.origin)?.position)
    this.#head.onUpstream(pullHeadOf(this.#upstream?.pull.head()), 0)
    return this.#head.report(this.#unread())
  }

  /** Entries that it has not sent. */
  #unread(): number {
    const action = this.#action
    if (action?.kind === 'emit') return action.events.length
    return action?.kind === 'read' ? this.#region.stream.behind(this.#request.origin, action.after).length : 0
  }

  #open(): RelayRun<WireRecord> {
    const { position, scanned, skipGap } = this.#request
    this.#segments = this.#live()
    const place = this.#place(scanned ?? position) ?? (scanned && this.#place(position))
    const { egress } = this.#world
    const { receiver } = this.#request
    const passes = ({ traits }: WireRecord) =>
      egress === undefined || !this.#world.on('mayHold') || egress.mayHold(traits, receiver)
    return new RelayRun<WireRecord>({ segments: this.#segments, place, position, scanned, skipGap, passes })
  }

  #live(): readonly LiveSegment[] | undefined {
    return liveSegments(this.#region.stream.of(this.#request.origin).flatMap(bendOf))
  }

  /** Undefined: come again later. */
  #act(action: RelayAction<WireRecord>, recordsMax: number): RelayInput<WireRecord> | undefined {
    switch (action.kind) {
      case 'read':
        this.#upstream = undefined
        this.#skipped = undefined
        return this.#read(action.after, recordsMax)
      case 'emit':
        return { kind: 'emitted' }
      case 'hand-on':
        return this.#handOn(action) ?? this.#receive(undefined, recordsMax)
      case 'receive':
        return this.#receive(action.relocate, recordsMax)
      case 'refuse':
        return undefined
    }
  }

  #read(after: number, recordsMax: number): RelayInput<WireRecord> | undefined {
    const records = this.#region.stream.behind(this.#request.origin, after).slice(0, recordsMax)
    if (records.length > 0) return { kind: 'local', entries: records.map((record) => this.#entryOf(record)) }
    const applied = this.#endTold ? undefined : this.#applied()
    this.#endTold = true
    return applied && { kind: 'end', applied }
  }

  /** How far this region's own pull is, when the newest records were copies. */
  #applied(): Position | undefined {
    const { stream, checkpoints } = this.#region
    const { origin } = this.#request
    const last = stream.lastOf(origin)
    const facts = { stampAt: (sequence: number) => stream.at(sequence)?.localStamp }
    const { position } = resolvePosition(last, checkpoints.get(origin)?.at(-1), facts)
    return samePosition(position, last?.position ?? START) ? undefined : position
  }

  #entryOf(record: Stored): RelayEntry<WireRecord> {
    const { kind, localSequence, position, prev } = record
    if (kind !== 'event') return { ...entryOf(record), event: undefined }
    const event = wireOf(this.#world, this.#region, record, prev ?? START)
    if (this.#world.on('chain')) return { localSequence, position, prev, event }
    const before = this.#region.stream.of(this.#request.origin).findLast((other) => other.localSequence < localSequence)
    return { localSequence, position, prev: before?.position ?? START, event }
  }

  #handOn(action: RelayAction<WireRecord> & { kind: 'hand-on' }): RelayInput<WireRecord> | undefined {
    const { world, name } = { world: this.#world, name: this.#region.name }
    const { origin, receiver, path } = this.#request
    world.stats.holes++
    this.#upstream = undefined
    this.#skipped = undefined
    const towards = [...path, name]
    const regions = world.regions.filter((next) => world.linked(this.#region, next) && !towards.includes(next.name))
    if (regions.length === 0 || towards.length > PATH_MAX) return { kind: 'refused', reason: 'cannot-tell' }
    if (!world.on('readThrough')) return { kind: 'refused', reason: this.#guess(action.position) }
    const region = regions.find((next) => next.name === origin) ?? this.#towards(regions)
    if (region === undefined) return { kind: 'refused', reason: 'cannot-tell' }
    const { position, scanned, skipGap } = action
    const pull = serve(world, region, { origin, position, scanned, skipGap, receiver, path: towards })
    this.#upstream = { region, pull }
    return undefined
  }

  /** Where it goes when the origin's link is down: to where this region's own records come from. */
  #towards(regions: readonly Region[]): Region | undefined {
    const { routes } = this.#region
    if (routes === undefined) return this.#world.random.pick(regions)
    const upstream = routes.upstreamOf(this.#request.origin)
    return regions.find(({ name }) => name === upstream)
  }

  /** A relay that only asks the origin whether it has a record, instead of reading through. */
  #guess({ sequence, stamp }: Position): RelayRefusal {
    const origin = this.#world.region(this.#request.origin)
    if (origin === undefined || !this.#world.path(this.#region, origin)) return 'cannot-tell'
    return sequence === 0 || origin.stream.at(sequence)?.localStamp === stamp ? 'cannot-tell' : 'diverged'
  }

  #receive(relocate: Position | undefined, recordsMax: number): RelayInput<WireRecord> | undefined {
    const upstream = this.#upstream
    if (upstream === undefined || !this.#world.linked(this.#region, upstream.region)) {
      return { kind: 'refused', reason: 'cannot-tell' }
    }
    if (relocate !== undefined && this.#world.random.chance(RELOCATE)) {
      this.#segments = this.#live()
      const place = this.#place(relocate)
      if (place !== undefined) return { kind: 'placed', position: relocate, place, segments: this.#segments ?? [] }
    }
    const skipped = this.#skipped
    this.#skipped = undefined
    if (skipped !== undefined) return { kind: 'skipped', position: skipped }
    const served = upstream.pull.next(recordsMax)
    if (served.kind !== 'records') {
      return { kind: 'refused', reason: served.kind === 'unavailable' ? 'cannot-tell' : served.kind }
    }
    if (served.records.length > 0) {
      this.#skipped = served.skipped
      return { kind: 'records', events: served.records }
    }
    return served.skipped && { kind: 'skipped', position: served.skipped }
  }

  /** Where a position lies in this region's stream. */
  #place(position: Position): RelayPlace | undefined {
    const { stream } = this.#region
    const { origin } = this.#request
    if (this.#segments === undefined) return undefined
    if (!this.#world.on('match') && position.sequence > 0) return this.#guessPlace(position)
    const query = { segments: this.#segments, position, last: stream.fenceOf(origin), applied: this.#applied() }
    const search = placeInLog(query)
    let step = search.next()
    while (!step.done) {
      const found = stream.from(origin, step.value.from)
      step = search.next(found && entryOf(found))
    }
    return step.value
  }

  /** Without matching the number alone decides. */
  #guessPlace(position: Position): RelayPlace {
    const { stream } = this.#region
    const { origin } = this.#request
    const found = stream.of(origin).find(({ position: { sequence } }) => sequence > position.sequence)
    if (found === undefined) return { after: stream.fenceOf(origin), held: position }
    return { after: found.localSequence - 1, held: found.prev ?? START }
  }
}

function pullHeadOf(head: HeadReport | undefined): PullHead | undefined {
  if (head === undefined) return undefined
  const { position, pending, stale = false, timeMs } = head
  const time = timeMs === undefined ? undefined : timestampFromMs(timeMs)
  const wire = { sequence: BigInt(position.sequence), stamp: position.stamp }
  return create(PullHeadSchema, { head: wire, pending: BigInt(pending), stale, time })
}

function emitted({ events, prev, skipped }: RelayAction<WireRecord> & { kind: 'emit' }): Served {
  let before = prev
  const records = events.map((event) => {
    const record = { ...event, prev: before }
    before = event.position
    return record
  })
  return { kind: 'records', records, skipped }
}

function entryOf({ kind, localSequence, position, prev }: Stored): LocalEntry {
  const control = kind === 'event' || kind === 'marker' ? undefined : kind
  return { localSequence, position, prev, control }
}

function bendOf({ kind, localSequence, position, target }: Stored): readonly BendRecord[] {
  if (kind === 'event' || kind === 'marker') return []
  return [{ kind, localSequence, position, behind: target }]
}
