import { type Position, samePosition } from '@landbridge/core'

/** How far another region has applied this region's own events of one topic. */
export type PeerPosition = {
  readonly topic: string
  readonly region: string
  readonly position: Position
  /** When this position was first heard, by `performance.now()`. */
  readonly heardAtMs: number
}

/** Told when what is known of a (topic, region) changes. */
export type PositionListener = (topic: string, region: string) => void

/**
 * What other regions say they have durably applied of this region's own events: quorum acknowledgements and people ask.
 *
 * 1. An entry lives as long as its pull: that was placed in this incarnation of our log, and what is said over it is
 *    said of that log. When the pull ends, whyever, nothing is known any more.
 * 2. Two pulls of one region (two of its gateways, each taking itself for the owner) count as the further one.
 * 3. As many entries as pulls are open.
 */
export class PeerPositions {
  readonly #pulls = new Map<object, PeerPosition>()
  readonly #topics = new Map<string, Set<object>>()
  readonly #listeners = new Set<PositionListener>()

  /** A region pulls our own events, and has everything up to `position`: it was found in our log. */
  open(pull: object, entry: Omit<PeerPosition, 'heardAtMs'>): void {
    this.#pulls.set(pull, { ...entry, heardAtMs: performance.now() })
    const pulls = this.#topics.get(entry.topic) ?? new Set()
    this.#topics.set(entry.topic, pulls.add(pull))
    this.#tell(entry)
  }

  /** It has durably applied everything up to there. Nothing, when the pull is none that was opened here. */
  applied(pull: object, position: Position): void {
    const entry = this.#pulls.get(pull)
    if (entry === undefined || samePosition(entry.position, position)) return
    this.#pulls.set(pull, { ...entry, position, heardAtMs: performance.now() })
    this.#tell(entry)
  }

  /** The pull is over. */
  close(pull: object): void {
    const entry = this.#pulls.get(pull)
    if (entry === undefined) return
    this.#pulls.delete(pull)
    const pulls = this.#topics.get(entry.topic)
    pulls?.delete(pull)
    if (pulls?.size === 0) this.#topics.delete(entry.topic)
    this.#tell(entry)
  }

  /** One entry a region that pulls the topic now. */
  of(topic: string): readonly PeerPosition[] {
    const regions = new Map<string, PeerPosition>()
    for (const pull of this.#topics.get(topic) ?? []) {
      const entry = this.#pulls.get(pull)
      if (entry === undefined) continue
      const known = regions.get(entry.region)
      if (known === undefined || entry.position.sequence > known.position.sequence) regions.set(entry.region, entry)
    }
    return [...regions.values()]
  }

  get(topic: string, region: string): PeerPosition | undefined {
    return this.of(topic).find((entry) => entry.region === region)
  }

  all(): readonly PeerPosition[] {
    return [...this.#topics.keys()].flatMap((topic) => this.of(topic))
  }

  /** Calls `listener` after every change, until the returned function is called. It must not throw. */
  onChange(listener: PositionListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell({ topic, region }: Pick<PeerPosition, 'topic' | 'region'>): void {
    for (const listener of this.#listeners) listener(topic, region)
  }
}
