import { type Placement, type Position, parseSubject, placePosition } from '@landbridge/core'
import { type NatsSession, recordAt } from '@landbridge/nats'
import type { TopicEntry } from '../../topics.ts'
import type { OwnHead, OwnHeads } from './own-heads.ts'

/** Where a pull begins. */
export type Place = {
  readonly placement: Placement
  readonly head: OwnHead
}

/**
 * Finds a receiver's position among this region's own records, by sequence and stamp, read from the stream's leader.
 * @throws MeshError when the stream cannot be read now.
 */
export async function placeInStream(options: {
  readonly session: NatsSession
  readonly heads: OwnHeads
  readonly region: string
  readonly topic: TopicEntry
  readonly position: Position
}): Promise<Place> {
  const { session, heads, region, topic, position } = options
  const found = position.sequence === 0 ? undefined : await recordAt(session, topic.stream, position.sequence)
  // After the record: a reading from before could miss what the position names, or that it was removed since.
  const head = await heads.read(topic, 0)
  const subject = found === undefined ? undefined : parseSubject(found.subject).value
  const placement = placePosition(position, {
    first: head.firstSequence,
    last: head.lastSequence,
    found: found === undefined ? undefined : { stamp: found.stampNs, own: subject?.origin === region },
    ownTail: await heads.tailAt(topic, head.created, position),
  })
  return { placement, head }
}
