import { setTimeout } from 'node:timers/promises'
import { isBefore, type Position, parseSubject } from '@landbridge/core'
import { recordAt } from '@landbridge/nats'
import { type MatchRequest, MatchResult, RefusalReason } from '@landbridge/proto'
import type { TopicEntry } from '../../topics.ts'
import { admit } from './admit.ts'
import type { ServeContext } from './context.ts'
import { DOUBT_MS, DOUBTS_MAX } from './place.ts'
import { positionOf } from './responses.ts'
import { linkTowards, pathOn } from './towards.ts'

const POSITIONS_MAX = 64

const RESULTS = {
  present: MatchResult.PRESENT,
  absent: MatchResult.ABSENT,
  expired: MatchResult.EXPIRED,
} as const

/**
 * Answers which of some records the origin still has: from this region's stream when it is the origin, or else by
 * handing the question on. Never rejects: what cannot be answered now has a reason.
 */
export async function answerMatch(
  context: ServeContext,
  peer: string,
  request: MatchRequest,
): Promise<readonly MatchResult[] | RefusalReason> {
  const { topic: topicKey, origin, path } = request
  const { registry, region, links, log } = context
  const positions = request.positions.map(positionOf)
  const known = positions.filter((position) => position !== undefined)
  if (known.length !== positions.length || known.length === 0 || known.length > POSITIONS_MAX) {
    return RefusalReason.CANNOT_TELL
  }
  const receiver = path[0] ?? peer
  const { topic, reason } = admit(registry, region, { peer, topicKey, origin, receiver, path })
  if (topic === undefined) return reason
  try {
    if (origin === region) return await matchOwn(context, topic, known)
    const link = linkTowards(links, { topicKey, origin, path, receiver, region })
    if (link === undefined) return RefusalReason.CANNOT_TELL
    const on = pathOn({ path, receiver, region })
    const answers = await link.match({ topic: topicKey, origin, positions: known, path: on })
    return answers.map((answer) => RESULTS[answer])
  } catch (err) {
    log.debug({ err, topic: topicKey, origin, peer }, 'a match could not be answered')
    return origin === region ? RefusalReason.UNAVAILABLE : RefusalReason.CANNOT_TELL
  }
}

/**
 * Whether this region's own log has these very records. What a replicated stream does not have is doubted for a while,
 * as where a pull is placed. @throws MeshError when the stream cannot be read now
 */
async function matchOwn(
  context: ServeContext,
  topic: TopicEntry,
  positions: readonly Position[],
): Promise<readonly MatchResult[]> {
  for (let doubts = 0; ; doubts++) {
    const { results, isReplicated } = await matchNow(context, topic, positions)
    if (!isReplicated || !results.includes(MatchResult.ABSENT) || doubts === DOUBTS_MAX) return results
    await setTimeout(DOUBT_MS)
  }
}

async function matchNow(
  { session, heads, region }: ServeContext,
  topic: TopicEntry,
  positions: readonly Position[],
): Promise<{ readonly results: readonly MatchResult[]; readonly isReplicated: boolean }> {
  const found = await Promise.all(
    positions.map(({ sequence }) => (sequence === 0 ? undefined : recordAt(session, topic.stream, sequence))),
  )
  // After the records: what is missing and below this was kept once.
  const { firstSequence, bornMs, replicas } = await heads.read(topic, 0)
  const results = positions.map(({ sequence, stamp }, index) => {
    const record = found[index]
    if (sequence === 0) return MatchResult.PRESENT
    if (record === undefined) {
      const mayHaveBeen = sequence < firstSequence && !isBefore({ sequence, stamp }, bornMs)
      return mayHaveBeen ? MatchResult.EXPIRED : MatchResult.ABSENT
    }
    const isOwn = parseSubject(record.subject).value?.origin === region
    return isOwn && record.stampNs === stamp ? MatchResult.PRESENT : MatchResult.ABSENT
  })
  return { results, isReplicated: replicas > 1 }
}
