import { type Position, START, samePosition } from '@landbridge/core'
import type { Stored, WireRecord } from './record.ts'
import type { Region } from './region.ts'
import { follows, type Request, type Served, type ServedPull, serve, wireOf } from './serve.ts'
import type { World } from './world.ts'

/** Another region's records, out of what this one holds, and from further up where it does not. */
export function relayed(world: World, region: Region, request: Request): ServedPull {
  let { position } = request
  return {
    next(recordsMax) {
      const served = serveOnce(world, region, { ...request, position }, recordsMax)
      if (served.kind === 'records') position = served.records.at(-1)?.position ?? position
      return served
    },
  }
}

type Live = { readonly base: Position; readonly records: readonly Stored[] }

/** The records of an origin that belong to its present log; undefined while that is being repaired. */
function liveOf(region: Region, origin: string): Live | undefined {
  const all = region.stream.of(origin)
  const records: Stored[] = []
  let base: Position | undefined
  for (let index = all.length - 1; index >= 0; index--) {
    const record = all[index]
    if (record === undefined) break
    if (record.kind === 'branch') {
      if (records.length === 0 && base === undefined) return undefined
    } else if (record.kind === 'open') {
      if (records.length === 0) base ??= record.position
      while (index > 0 && !isEventAt(all[index - 1], record.position)) index--
    } else records.unshift(record)
  }
  return { base: base ?? START, records }
}

function isEventAt(record: Stored | undefined, position: Position): boolean {
  return record?.kind === 'event' && samePosition(record.position, position)
}

function serveOnce(world: World, region: Region, request: Request, recordsMax: number): Served {
  const { origin, position } = request
  const live = liveOf(region, origin)
  if (live === undefined) return { kind: 'cannot-tell' }
  const from = placeOf(world, live.records, position)
  if (from < 0) return handOn(world, region, request, recordsMax)
  const records: WireRecord[] = []
  let prev = position
  for (let index = from; index < live.records.length && records.length < recordsMax; index++) {
    const record = live.records[index]
    if (record === undefined) break
    if (!follows(world, record.prev ?? START, prev)) {
      world.stats.holes++
      if (!world.on('readThrough')) break
      const fill = handOn(world, region, { ...request, position: prev }, recordsMax)
      if (fill.kind !== 'records') break
      for (const found of fill.records) {
        if (found.position.sequence >= record.position.sequence) break
        records.push(found)
        prev = found.position
      }
      if (!samePosition(record.prev ?? START, prev)) break
    }
    const wire = wireOf(world, region, record, prev)
    if (wire === undefined) break
    records.push(wire)
    prev = wire.position
  }
  return { kind: 'records', records }
}

function placeOf(world: World, live: readonly Stored[], position: Position): number {
  if (position.sequence === 0) return 0
  if (!world.on('match')) {
    const from = live.findIndex((record) => record.position.sequence > position.sequence)
    return from < 0 ? live.length : from
  }
  const at = live.findIndex((record) => samePosition(record.position, position))
  return at >= 0 ? at + 1 : live.findIndex(({ prev }) => prev !== undefined && samePosition(prev, position))
}

/** The origin answers in our place, when it can be reached. */
function handOn(world: World, region: Region, request: Request, recordsMax: number): Served {
  const origin = world.region(request.origin)
  if (origin === undefined || !world.path(region, origin)) return { kind: 'cannot-tell' }
  if (world.on('readThrough')) return serve(world, origin, request).next(recordsMax)
  const { sequence, stamp } = request.position
  return origin.stream.at(sequence)?.localStamp === stamp ? { kind: 'cannot-tell' } : { kind: 'diverged' }
}
