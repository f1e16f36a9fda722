import { setTimeout } from 'node:timers/promises'
import { type Placement, type Position, parseSubject, placePosition, START } from '@landbridge/core'
import { type NatsSession, recordAt } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { OwnHead, OwnHeads } from './own-heads.ts'

/** How often what is not there is doubted in a stream with replicas. */
export const DOUBTS_MAX = 4
/** And how long each time, in ms. */
export const DOUBT_MS = 500

/** Where a pull begins. */
export type Place = {
  readonly placement: Placement
  /** With "serve": the sequence to read from, and the record that was looked at before it; `START` when nothing is known of it. */
  readonly from: number
  readonly looked: Position
  readonly head: OwnHead
}

/** What `placeInStream` needs. */
export type PlaceOptions = {
  readonly session: NatsSession
  readonly heads: OwnHeads
  readonly region: string
  readonly topic: TopicEntry
  readonly position: Position
  readonly scanned: Position | undefined
  readonly skipGap: boolean
}

/**
 * Finds a receiver's place among this region's own records, by sequence and stamp, read from the stream's leader: what
 * it looked at last, or else what passed to it last.
 * @throws MeshError when the stream cannot be read now.
 */
export async function placeInStream(options: PlaceOptions): Promise<Place> {
  const { position, scanned, skipGap } = options
  if (scanned !== undefined && scanned.sequence > position.sequence) {
    const { placement, head } = await placeOne(options, scanned)
    // Who shares this record shares the one that passed before it.
    if (placement === 'serve') return { placement, from: scanned.sequence + 1, looked: scanned, head }
  }
  const { placement, head } = await placeOne(options, position)
  if (placement === 'retention-gap' && skipGap) {
    return { placement: 'serve', from: head.firstSequence, looked: START, head }
  }
  return { placement, from: position.sequence + 1, looked: position, head }
}

/**
 * A server that has just become the leader of a replicated stream may not have its newest records yet: that logs differ
 * counts only when it is still so after a while.
 */
async function placeOne(options: PlaceOptions, position: Position): Promise<Pick<Place, 'placement' | 'head'>> {
  for (let doubts = 0; ; doubts++) {
    const place = await placeNow(options, position)
    if (place.placement !== 'diverged' || place.head.replicas === 1 || doubts === DOUBTS_MAX) return place
    await setTimeout(DOUBT_MS)
  }
}

async function placeNow(
  { session, heads, region, topic }: PlaceOptions,
  position: Position,
): Promise<Pick<Place, 'placement' | 'head'>> {
  const found = position.sequence === 0 ? undefined : await recordAt(session, topic.stream, position.sequence)
  // After the record: a reading from before could miss what the position names, or that it was removed since.
  const head = await heads.read(topic, 0)
  const subject = found === undefined ? undefined : parseSubject(found.subject).value
  const placement = placePosition(position, {
    first: head.firstSequence,
    last: head.lastSequence,
    found: found === undefined ? undefined : { stamp: found.stampNs, own: subject?.origin === region },
    bornMs: head.bornMs,
    ownTail: await heads.tailAt(topic, head.created, position),
  })
  return { placement, head }
}
