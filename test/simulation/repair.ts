import {
  type ControlRecord,
  type HeldEvent,
  type LocalRecord,
  type MatchAnswer,
  markerOf,
  type Position,
  type RepairAction,
  type RepairEnd,
  type RepairInput,
  RepairRun,
  type SendResult,
  type SessionIdentity,
  START,
  type UnadoptedEvent,
} from '@landbridge/core'
import { TICK_MS } from './profiles.ts'
import type { Message, Stored } from './record.ts'
import type { Batch, Region } from './region.ts'
import { milliseconds, type Steps, sleep, type World } from './world.ts'

/** The server's limit, made small. */
const MARKERS_MAX = 3

/** Waits for the outcome of a batch, as long as a gateway does. */
export function* outcome(world: World, batch: Batch): Steps<SendResult> {
  const patience = Math.ceil(world.profile.lifeTicks / 2)
  while (batch.result === undefined && world.now - batch.openedAt <= patience) yield
  return batch.result ?? { kind: 'failed' }
}

/** Repairs a diverged origin: `RepairRun` decides, this acts. */
export class Repair {
  readonly #world: World
  readonly #region: Region
  readonly #origin: string
  readonly #session: SessionIdentity
  /** Without the barrier: the branch that nobody wrote. */
  #pretended: LocalRecord | undefined

  constructor(world: World, region: Region, origin: string, session: SessionIdentity) {
    this.#world = world
    this.#region = region
    this.#origin = origin
    this.#session = session
  }

  *run(last: LocalRecord | undefined): Steps<RepairEnd> {
    const world = this.#world
    const { windowTicks, lifeTicks, clockTicks } = world.profile
    const written = last?.control === 'branch' ? this.#region.stream.at(last.localSequence) : undefined
    const run = new RepairRun({
      session: this.#session,
      origin: this.#origin,
      last,
      // Some gateways have watched it for as long as it is there, others have just begun.
      branchAgeMs: written === undefined || world.random.chance(0.5) ? 0 : milliseconds(world.now - written.at),
      duplicateWindowMs: milliseconds(windowTicks),
      batchLifeMs: milliseconds(lifeTicks),
      skewMs: milliseconds(clockTicks),
      markersMax: MARKERS_MAX,
    })
    let action = run.begin()
    while (action.kind !== 'end') {
      const answer: RepairInput = yield* this.#act(action)
      if (!this.#region.up) return 'stopped'
      action = run.next(answer, world.on('session') ? this.#region.session : this.#session)
    }
    world.stats.adopted += run.adopted
    if (action.reason === 'repaired') world.stats.repaired++
    return action.reason
  }

  *#act(action: RepairAction): Steps<RepairInput> {
    const { stream } = this.#region
    switch (action.kind) {
      case 'probe':
        yield
        return { kind: 'probed', events: action.sequences.map((sequence) => this.#heldFrom(sequence)) }
      case 'match':
        return { kind: 'matched', answers: yield* this.#match(action.positions) }
      case 'write-control': {
        const { record, fence, session } = action
        const { kind, common, behind } = record
        if (kind === 'branch') this.#world.stats.branches++
        if (kind === 'branch' && !this.#world.on('barrier')) {
          const localSequence = fence + 0.5
          this.#pretended = { position: common, control: 'branch', behind, localSequence, localStamp: 0n }
          return { kind: 'written', result: { kind: 'stored', lastSequence: localSequence } }
        }
        const batch = this.#region.send([control(kind, this.#origin, common, behind)], Math.floor(fence), session)
        return { kind: 'written', result: yield* outcome(this.#world, batch) }
      }
      case 'wait':
        if (this.#world.on('barrier')) yield* sleep(this.#world, Math.ceil(action.ms / TICK_MS))
        return { kind: 'waited' }
      case 'read-last':
        yield
        return { kind: 'last', last: this.#pretended ?? stream.lastOf(this.#origin) }
      case 'next-unadopted': {
        const fence = stream.fenceOf(this.#region.name, true)
        yield
        return { kind: 'unadopted', events: this.#world.on('adopt') ? this.#unadopted(action) : [], fence }
      }
      case 'write-markers': {
        const { markers, fence, session } = action
        const batch = this.#region.send(this.#messages(markers), fence, session)
        return { kind: 'written', result: yield* outcome(this.#world, batch) }
      }
      case 'end':
        return { kind: 'stop', reason: 'stopped' }
    }
  }

  /** The first event of the origin at a local sequence or behind it. */
  #heldFrom(sequence: number): HeldEvent | undefined {
    const found = this.#region.stream.behind(this.#origin, sequence - 1).find(({ kind }) => kind === 'event')
    return found && { localSequence: found.localSequence, position: found.position, prev: found.prev ?? START }
  }

  *#match(positions: readonly Position[]): Steps<readonly MatchAnswer[] | undefined> {
    yield
    const other = this.#world.region(this.#origin)
    if (other === undefined || !this.#world.path(this.#region, other)) return undefined
    const answers = positions.map((position) => match(other, position))
    yield
    return answers
  }

  #unadopted({ after, before, limit }: RepairAction & { kind: 'next-unadopted' }): readonly UnadoptedEvent[] {
    return this.#region.stream
      .behind(this.#origin, after)
      .filter((record) => record.localSequence < before && record.kind === 'event' && !hasMarker(this.#region, record))
      .slice(0, limit)
      .map(unadopted)
  }

  #messages(markers: readonly (ControlRecord & { kind: 'marker' })[]): readonly Message[] {
    return markers.map((marker) => markerMessage(this.#region, marker))
  }
}

/** What an origin says of one of its records. */
function match({ name, stream }: Region, { sequence, stamp }: Position): MatchAnswer {
  const found = stream.at(sequence)
  if (found?.origin === name && found.localStamp === stamp) return 'present'
  return sequence < stream.first ? 'expired' : 'absent'
}

/** An operator says that an origin is gone for good: holders adopt what they have of it (rule 9). */
export function* retire(world: World, region: Region, origin: string): Steps {
  const { windowTicks, lifeTicks, clockTicks } = world.profile
  const here = {
    origin,
    duplicateWindowMs: milliseconds(windowTicks),
    batchLifeMs: milliseconds(lifeTicks),
    skewMs: milliseconds(clockTicks),
  }
  for (;;) {
    yield
    const { session, stream } = region
    const fence = stream.fenceOf(region.name, true)
    const events = stream.of(origin).filter((record) => record.kind === 'event' && !hasMarker(region, record))
    if (events.length === 0) continue
    const markers = events.slice(0, MARKERS_MAX).map((event) => markerOf(unadopted(event), here))
    const messages = markers.map((marker) => markerMessage(region, marker))
    yield* outcome(world, region.send(messages, fence, session))
  }
}

/**
 * Puts an event of another region's log that is here into this region's own log by a marker, unless it is there: then other regions
 * say whether they have it. Undefined when that cannot be told now.
 */
export function* adopt(
  world: World,
  region: Region,
  event: Stored,
): Steps<{ readonly sequence: number; readonly isNew: boolean } | undefined> {
  const { windowTicks, lifeTicks, clockTicks } = world.profile
  const span = {
    origin: event.origin,
    duplicateWindowMs: milliseconds(windowTicks),
    batchLifeMs: milliseconds(lifeTicks),
    skewMs: milliseconds(clockTicks),
  }
  const { session } = region
  yield
  if (region.session !== session) return undefined
  const known = markerOfEvent(region, event)
  if (known !== undefined) return { sequence: known.localSequence, isNew: false }
  const fence = region.stream.fenceOf(region.name, true)
  yield
  const message = markerMessage(region, markerOf(unadopted(event), span))
  const result = yield* outcome(world, region.send([message], fence, session))
  return result.kind === 'stored' ? { sequence: result.lastSequence, isNew: true } : undefined
}

function hasMarker(region: Region, record: Stored): boolean {
  return markerOfEvent(region, record) !== undefined
}

function markerOfEvent({ stream }: Region, { id, localSequence }: Stored): Stored | undefined {
  return stream.marked(id).find(({ kind, target }) => kind === 'marker' && target === localSequence)
}

/** When its origin stored it stands for when it was recorded. */
function unadopted({ id, localSequence, position, mark }: Stored): UnadoptedEvent {
  return { messageId: id, localSequence, recordedMs: Number(position.stamp / 1_000_000n), mark }
}

function markerMessage(
  region: Region,
  { messageId, localSequence, mark }: ControlRecord & { kind: 'marker' },
): Message {
  const { recordedMs, traits } = region.stream.at(localSequence) ?? { recordedMs: 0, traits: 0 }
  const base = { origin: region.name, position: undefined, prev: undefined, recordedMs, traits }
  return { ...base, kind: 'marker', id: messageId, mark, target: localSequence }
}

/** What a region writes down about an origin. */
export function control(kind: 'branch' | 'open' | 'gap', origin: string, position: Position, target: number): Message {
  return { kind, origin, position, prev: undefined, id: '', recordedMs: 0, mark: undefined, traits: 0, target }
}
