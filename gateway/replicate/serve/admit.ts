import { exchangeOf, isLabel, mayRelay } from '@landbridge/core'
import { RefusalReason } from '@landbridge/proto'
import type { TopicEntry, TopicRegistry } from '../../topics.ts'
import { PATH_MAX } from './towards.ts'

/** Who asks for what. */
export type Question = {
  /** The region that calls. */
  readonly peer: string
  /** "<tenant>/<topic>". */
  readonly topicKey: string
  readonly origin: string
  /** The region that the answer is for. */
  readonly receiver: string
  /** Regions that handed the question on, the receiver first; empty when it comes from the receiver itself. */
  readonly path: readonly string[]
}

/** The topic, or why there is no answer. */
export type Admission =
  | { readonly topic: TopicEntry; readonly reason?: undefined }
  | { readonly topic?: undefined; readonly reason: RefusalReason; readonly message: string }

/**
 * Whether a region may ask this one about an origin's records. Every region on the way sees them, so each of them, and
 * the receiver, must be allowed to have them.
 */
export function admit(
  registry: Pick<TopicRegistry, 'snapshot' | 'get'>,
  region: string,
  question: Question,
): Admission {
  const { peer, topicKey, origin, receiver, path } = question
  const exchange = exchangeOf(registry.snapshot, region, peer, topicKey, 'export')
  const notAllowed = {
    reason: RefusalReason.NOT_ALLOWED,
    message: `${region} does not exchange this topic with ${peer}`,
  }
  if (exchange === 'not-allowed') return notAllowed
  const topic = registry.get(topicKey)
  if (exchange === 'unknown-topic' || topic === undefined) {
    return { reason: RefusalReason.UNKNOWN_TOPIC, message: `${region} has no topic ${topicKey}` }
  }
  const wrong = wrongWay(question, region)
  if (wrong !== undefined) return { reason: RefusalReason.CANNOT_TELL, message: wrong }
  const relays = [...path.slice(1), ...(region === origin ? [] : [region])]
  const isCovered =
    receiver === peer ||
    !registry.snapshot.peers.has(receiver) ||
    exchangeOf(registry.snapshot, region, receiver, topicKey, 'export') === 'allowed'
  if (!isCovered) return { ...notAllowed, message: `${region} does not exchange this topic with ${receiver}` }
  const unfit = relays.find((relay) => !mayRelay(topic.document, relay, receiver))
  if (unfit === undefined) return { topic }
  return { reason: RefusalReason.CANNOT_TELL, message: `${unfit} may not have all that ${receiver} may have` }
}

/** What is wrong with the way that a question came; undefined: nothing. */
function wrongWay({ peer, origin, receiver, path }: Question, region: string): string | undefined {
  if (!isLabel(origin) || !isLabel(receiver)) return 'there is no region of that name'
  if (receiver === origin) return `${origin} itself has its events`
  if (path.length > PATH_MAX) return `it came through ${path.length} regions, wanted at most ${PATH_MAX}`
  if (path.includes(region) || receiver === region) return `${region} asked for it itself`
  if (path.some((name) => !isLabel(name)) || new Set(path).size !== path.length) return 'the path goes in a circle'
  const [first, last] = path.length === 0 ? [peer, peer] : [path[0], path.at(-1)]
  return first === receiver && last === peer ? undefined : 'the path does not lead from the receiver to the caller'
}
