import { holdersOf, type QuorumClaim, type QuorumVerdict, type QuorumView, quorumVerdict } from '@landbridge/core'

/** What a wait knows of its topic. */
export type QuorumTopic = {
  /** "<tenant>/<topic>". */
  readonly key: string
  readonly fallback: 'wait' | 'degrade'
}

/** Events that were stored here and wait for another region. */
export type Claim = Omit<QuorumClaim, 'fallback'> & {
  /** The region that stored them first, when they came from there. */
  readonly origin?: string | undefined
  /** The regions that get them as they are; undefined: all. */
  readonly among?: ReadonlySet<string> | undefined
}

/** How a wait ended. */
export type QuorumOutcome =
  | Exclude<QuorumVerdict, { kind: 'wait' }>
  /** The connection to the store changed: what was heard may not be true of what is stored now. */
  | { readonly kind: 'reset' }

/** Where waits look. */
export type QuorumSource = {
  view(topic: string): QuorumView
  onChange(listener: (topic: string) => void): () => void
}

/** What a quorum needs. */
export type QuorumOptions = {
  readonly source: QuorumSource
  /** Default `performance.now`. */
  readonly monotonic?: () => number
}

type Wait = {
  readonly topic: QuorumTopic
  readonly claim: Claim
  readonly sinceMs: number
  readonly resolve: (outcome: QuorumOutcome) => void
  timer: NodeJS.Timeout | undefined
}

/**
 * The waits for other regions: each ends when one holds the events, when its topic's fallback says so, or at its
 * deadline. What that means is decided in core (`quorumVerdict`); this looks again when something is heard or due.
 */
export class Quorum implements Disposable {
  readonly #options: QuorumOptions
  readonly #monotonic: () => number
  readonly #waits = new Map<string, Set<Wait>>()
  readonly #stopFollowing: () => void

  constructor(options: QuorumOptions) {
    this.#options = options
    this.#monotonic = options.monotonic ?? (() => performance.now())
    this.#stopFollowing = options.source.onChange((topic) => this.#look(topic))
  }

  /** Waits. Never rejects. */
  wait(topic: QuorumTopic, claim: Claim): Promise<QuorumOutcome> {
    const { promise, resolve } = Promise.withResolvers<QuorumOutcome>()
    const wait: Wait = { topic, claim, sinceMs: this.#monotonic(), resolve, timer: undefined }
    const waits = this.#waits.get(topic.key) ?? new Set()
    this.#waits.set(topic.key, waits.add(wait))
    this.#decide(wait, this.#options.source.view(topic.key))
    return promise
  }

  /** The other regions that hold the events of a claim now. */
  holders(topic: string, claim: Omit<Claim, 'deadlineAtMs'>): readonly string[] {
    const view = viewOf(claim, this.#options.source.view(topic))
    return holdersOf(claim, view.reports)
  }

  /** The connection to the store changed: every wait ends. */
  reset(): void {
    for (const waits of [...this.#waits.values()]) for (const wait of [...waits]) this.#end(wait, { kind: 'reset' })
  }

  /** As `reset`, for good. */
  close(): void {
    this.#stopFollowing()
    this.reset()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #look(topic: string): void {
    const waits = this.#waits.get(topic)
    if (waits === undefined) return
    const view = this.#options.source.view(topic)
    for (const wait of [...waits]) this.#decide(wait, view)
  }

  #decide(wait: Wait, all: QuorumView): void {
    const { topic, claim, sinceMs } = wait
    const view = viewOf(claim, all)
    const nowMs = this.#monotonic()
    const verdict = quorumVerdict({ ...claim, sinceMs, fallback: topic.fallback }, view, nowMs)
    if (verdict.kind !== 'wait') {
      this.#end(wait, verdict)
      return
    }
    clearTimeout(wait.timer)
    wait.timer = setTimeout(
      () => this.#decide(wait, this.#options.source.view(topic.key)),
      Math.ceil(verdict.untilMs - nowMs),
    )
  }

  #end(wait: Wait, outcome: QuorumOutcome): void {
    clearTimeout(wait.timer)
    const waits = this.#waits.get(wait.topic.key)
    waits?.delete(wait)
    if (waits?.size === 0) this.#waits.delete(wait.topic.key)
    wait.resolve(outcome)
  }
}

/** What is known of the regions that count. That none of them will come is known from the beginning. */
function viewOf({ among }: Pick<Claim, 'among'>, view: QuorumView): QuorumView {
  if (among === undefined || view.reports.every(({ region }) => among.has(region))) return view
  const reports = view.reports.filter(({ region }) => among.has(region))
  return { reports, absentSinceMs: reports.length > 0 ? undefined : Number.NEGATIVE_INFINITY }
}
