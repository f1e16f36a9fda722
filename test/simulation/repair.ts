import { type LocalRecord, type Position, type SessionIdentity, START } from '@landbridge/core'
import type { Message, RecordKind, Stored } from './record.ts'
import type { Batch, Region } from './region.ts'
import { milliseconds, type Steps, type World } from './world.ts'

/** Waits for the outcome of a batch; true when it is stored. */
export function* outcome(world: World, batch: Batch): Steps<boolean> {
  while (batch.result === undefined && world.now - batch.openedAt <= world.profile.lifeTicks) yield
  return batch.result?.kind === 'stored'
}

/** The origin does not know our last record: writes down the last one that both have. */
export function* branch(
  world: World,
  region: Region,
  origin: string,
  last: LocalRecord | undefined,
  session: SessionIdentity,
): Steps {
  const other = world.region(origin)
  if (other === undefined || !world.path(region, other)) return
  const common = region.stream
    .of(origin)
    .findLast(
      ({ kind, position }) => kind === 'event' && other.stream.at(position.sequence)?.localStamp === position.stamp,
    )
  yield
  world.stats.branches++
  const position = common?.position ?? START
  const fence = last?.localSequence ?? 0
  if (!world.on('barrier')) return yield* finish(world, region, origin, position, fence, session)
  yield* outcome(world, region.send([control('branch', origin, position)], fence, session))
}

/** A branch record is the last one: one batch life later nothing that was opened before it can be stored any more. */
export function* repair(
  world: World,
  region: Region,
  origin: string,
  last: LocalRecord,
  session: SessionIdentity,
): Steps {
  const written = region.stream.at(last.localSequence)
  while (written !== undefined && world.now - written.at <= world.profile.lifeTicks) {
    yield
    if (!region.up || (world.on('session') && region.session !== session)) return
  }
  if (region.stream.fenceOf(origin) !== last.localSequence) return
  yield* finish(world, region, origin, last.position, last.localSequence, session)
}

function* finish(
  world: World,
  region: Region,
  origin: string,
  common: Position,
  fence: number,
  session: SessionIdentity,
): Steps {
  const { stream } = region
  const from = stream.find(origin, common)?.localSequence ?? 0
  if (world.on('adopt')) {
    for (const record of stream.of(origin)) {
      if (record.localSequence <= from || record.kind !== 'event' || hasMarker(region, record.id)) continue
      if (!(yield* outcome(world, region.send([markerOf(world, region, record)], undefined, session)))) return
      world.stats.adopted++
    }
  }
  yield* outcome(world, region.send([control('open', origin, common)], fence, session))
}

/** An operator says that an origin is gone for good: holders adopt what they have of it. */
export function* retire(world: World, region: Region, origin: string): Steps {
  for (;;) {
    const record = region.stream.of(origin).find(({ kind, id }) => kind === 'event' && !hasMarker(region, id))
    if (record === undefined) yield
    else yield* outcome(world, region.send([markerOf(world, region, record)], undefined, region.session))
  }
}

function hasMarker(region: Region, id: string): boolean {
  return region.stream.marked(id).some(({ kind }) => kind === 'marker')
}

/** The origin may have stored unmarked copies before the one that was lost, or after it: a window on each side. */
function markerOf(world: World, region: Region, event: Stored): Message {
  const window = milliseconds(world.profile.windowTicks)
  const { id, recordedMs, mark } = event
  return {
    kind: 'marker',
    origin: region.name,
    position: undefined,
    prev: undefined,
    id,
    recordedMs,
    mark: {
      region: mark?.region ?? '',
      sinceMs: Math.min(mark?.sinceMs ?? Number.POSITIVE_INFINITY, recordedMs - window),
      untilMs: Math.max(mark?.untilMs ?? 0, recordedMs + window),
    },
    eventSequence: event.localSequence,
  }
}

function control(kind: RecordKind, origin: string, position: Position): Message {
  return { kind, origin, position, prev: undefined, id: '', recordedMs: 0, mark: undefined, eventSequence: 0 }
}
