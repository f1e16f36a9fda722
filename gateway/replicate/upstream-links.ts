import type { LinkStream } from './link/link-stream.ts'

/**
 * The way towards other regions, for whoever must ask one of them something on behalf of a third (a relay that meets a
 * hole, a match that is handed on).
 */
export type UpstreamLinks = {
  /** The stream of the link to a region; undefined while that link is not up. Ask again each time: streams come and go. */
  stream(region: string): LinkStream | undefined
  /**
   * The region to ask for an origin's events of a topic ("<tenant>/<topic>") now: where our own pull is open, or, while
   * another gateway of this region pulls or nothing is open, where it would be opened. Undefined: there is none.
   */
  upstreamOf(topicKey: string, origin: string): string | undefined
}
