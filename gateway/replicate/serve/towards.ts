import type { LinkStream } from '../link/link-stream.ts'
import type { UpstreamLinks } from '../upstream-links.ts'

/** Regions that may hand one request on, one after the other. */
export const PATH_MAX = 7

/** What is to be handed on. */
export type HandOn = {
  /** "<tenant>/<topic>". */
  readonly topicKey: string
  readonly origin: string
  /** Regions that it came through, the one that asked first; empty when that one asks us itself. */
  readonly path: readonly string[]
  /** The region that asked first. */
  readonly receiver: string
  /** This region. */
  readonly region: string
}

/** The path that a request goes on with. */
export function pathOn({ path, receiver, region }: Pick<HandOn, 'path' | 'receiver' | 'region'>): readonly string[] {
  return [...(path.length === 0 ? [receiver] : path), region]
}

/**
 * Where to hand a request on: to the origin itself when its link is up, or else to where its events come from now, but
 * never back along the path. Undefined: nowhere.
 */
export function linkTowards(links: UpstreamLinks, handOn: HandOn): LinkStream | undefined {
  const { topicKey, origin } = handOn
  const behind = new Set(pathOn(handOn))
  if (behind.size > PATH_MAX) return undefined
  for (const region of [origin, links.upstreamOf(topicKey, origin)]) {
    if (region === undefined || behind.has(region)) continue
    const stream = links.stream(region)
    if (stream !== undefined) return stream
  }
  return undefined
}
