/** A link to another region, as this gateway sees it. */
export type PeerStatus = {
  readonly region: string
  /** "host:port" of its gateways. */
  readonly endpoints: readonly string[]
  readonly state: 'connecting' | 'connected' | 'disconnected'
  /** Why, when it is not connected; and which of its pulls are stopped. Empty when there is nothing to say. */
  readonly reason: string
  /** When something last came over the link, ms since 1970; undefined if never. */
  readonly lastContactMs: number | undefined
  /** Pulls that are open over it. */
  readonly pulls: number
}

/**
 * Why a pull stands still until somebody acts: the logs of the two regions differ; the origin no longer keeps what
 * follows; a record is refused by this region's store for good (too large for its server, for example).
 */
export type StopReason = 'diverged' | 'retention_gap' | 'cannot_store'

/** How far this region is behind one origin of one topic. See `LagMeter` for how it is computed. */
export type LagRow = {
  /** "<tenant>/<topic>". */
  readonly topic: string
  readonly origin: string
  /** Events that the origin holds and this region does not yet; meaningless unless `known`. */
  readonly events: number
  /** Age of the oldest such event, in seconds; 0 when there is none. */
  readonly seconds: number
  /** False while the origin has not been heard for 3 s, or does not serve this pull. */
  readonly known: boolean
  /** Last origin sequence applied here; 0 when none is known. */
  readonly appliedSequence: number
  /** Last sequence the origin reported; 0 when none is known. */
  readonly headSequence: number
  /** When the origin last reported, ms since 1970; undefined if never. */
  readonly reportedMs: number | undefined
}
