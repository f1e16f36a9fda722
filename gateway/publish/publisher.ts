import { type ForwardPeer, MeshError, type PublishRoute, publishRoute, storePatienceAt } from '@landbridge/core'
import type { EventResult, EventStore, StoreAttempt } from './event-store.ts'
import type { QuorumStep } from './quorum/quorum-step.ts'

/** One attempt to publish events of one topic, by one principal that may. */
export type Publication = StoreAttempt & {
  /** When its caller must have an answer, by `performance.now()`. */
  readonly deadlineAtMs: number
  /** Whether its events may be handed to another region: not those that came from one. */
  readonly mayForward: boolean
  /** Whether they are handed on only as a whole: their answer has room for one region. */
  readonly together: boolean
  /** Called before any of them is handed on: the events before them in order are settled when it resolves. Rejects: they are not to be handed on. */
  readonly beforeForward?: () => Promise<void>
  /** Called once when nothing of it is being stored any more; what is left is to wait. */
  readonly onStored?: () => void
}

/** What is handed to another region. */
export type Handover = Pick<Publication, 'topic' | 'principal'> & {
  readonly events: readonly Uint8Array[]
  /** Time since the first attempt, ms. */
  readonly ageMs: number
  /** Region of the first attempt; empty when unknown. */
  readonly firstRegion: string
  readonly deadlineAtMs: number
}

/** The way to other regions. */
export type Forwarding = {
  /** Where events of a topic may be handed to. */
  peers(topicKey: string): readonly ForwardPeer[]
  /** Hands events to the regions, one after the other, until one takes them. One result an event; never rejects. */
  forward(handover: Handover, regions: readonly string[]): Promise<readonly EventResult[]>
}

/** What a publisher needs. */
export type PublisherOptions = {
  readonly region: string
  readonly store: EventStore
  readonly quorum: QuorumStep
  readonly forwarding: Forwarding
  /** The region's clock, ms since 1970. */
  readonly now: () => number
}

/** What storing came to: results, or that nothing was tried. */
type Stored =
  | { readonly results: readonly EventResult[]; readonly error?: undefined }
  | { readonly results?: undefined; readonly error: MeshError }

/** While the own store is silent the route is looked at this often: its connection may have gone. */
const LOOK_INTERVAL_MS = 250

/**
 * Publishes: into the own store, or through another region when that fails or is silent, and waits for a second region
 * where the topic asks for it.
 *
 * 1. One result an event, in order. An attempt that needs no copy check reaches the writer before `publish` returns.
 * 2. Events are handed on at most once an attempt, always marked; the own store may have them all the same.
 * 3. It rejects only when nothing was tried.
 */
export class Publisher {
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Publishes; see the guarantees of the class. */
  async publish(publication: Publication): Promise<readonly EventResult[]> {
    const { quorum } = this.#options
    const begunAtMs = performance.now()
    const refusal = quorum.refusal(publication.topic)
    if (refusal !== undefined) throw refusal
    const epoch = quorum.begin()
    const results = await this.#store(publication, begunAtMs)
    publication.onStored?.()
    return quorum.confirm(publication, results, { begunAtMs, epoch })
  }

  async #store(publication: Publication, begunAtMs: number): Promise<readonly EventResult[]> {
    const { store } = this.#options
    const late = store.refusalOf(publication)
    if (late !== undefined) throw late
    let route = this.#route(publication, begunAtMs)
    if (route.kind === 'forward') return this.#instead(publication, begunAtMs, route.regions, undefined)
    const storing = outcomeOf(store.store(publication))
    while (route.kind === 'store') {
      const stored = await within(storing, route.patienceAtMs)
      if (stored !== undefined) return this.#afterStoring(publication, begunAtMs, stored)
      route = this.#route(publication, begunAtMs)
    }
    return this.#instead(publication, begunAtMs, route.regions, storing)
  }

  /** The own store has answered; what it could not take may go elsewhere. */
  async #afterStoring(publication: Publication, begunAtMs: number, stored: Stored): Promise<readonly EventResult[]> {
    const failed = stored.results === undefined ? [stored.error] : stored.results.flatMap(failureOf)
    const forwardable = failed.length > 0 && failed.some(mayGoElsewhere)
    const whole = stored.results === undefined || failed.length === stored.results.length
    if (!forwardable || (publication.together && !whole)) return resultsOf(stored)
    const peers = this.#peers(publication)
    const route = publishRoute(
      { begunAtMs, deadlineAtMs: publication.deadlineAtMs },
      { awaySinceMs: undefined, silentSinceMs: undefined, breakerOpen: true },
      peers,
      performance.now(),
    )
    if (route.kind === 'store') return resultsOf(stored)
    return this.#instead(publication, begunAtMs, route.regions, Promise.resolve(stored))
  }

  /** Hands on what the own store has not acknowledged; it may still be at it, and whoever is first answers. */
  async #instead(
    publication: Publication,
    begunAtMs: number,
    regions: readonly string[],
    storing: Promise<Stored> | undefined,
  ): Promise<readonly EventResult[]> {
    try {
      await publication.beforeForward?.()
    } catch (thrown) {
      if (storing === undefined) throw thrown
      return resultsOf(await storing)
    }
    // While the events before these were on their way, the own store may have answered.
    const early = storing === undefined ? undefined : await within(storing, 0)
    if (early?.results?.every(({ kind }) => kind !== 'failed')) return early.results
    const open = publication.events.map((_, index) => index).filter((index) => isOpen(early, index))
    const forwarding = this.#options.forwarding.forward(this.#handover(publication, begunAtMs, open), regions)
    if (storing === undefined) return merged(publication, undefined, open, await forwarding)
    const won = await Promise.race([
      forwarding.then((results) => (results.every(isAcknowledged) ? results : undefined)),
      storing.then((stored) => (stored.results?.every(isAcknowledged) === true ? stored.results : forwarding)),
    ])
    if (won !== undefined && won.length === publication.events.length && won.every(isAcknowledged)) return won
    return merged(publication, await storing, open, await forwarding)
  }

  #handover(publication: Publication, begunAtMs: number, open: readonly number[]): Handover {
    const { topic, principal, retry, sentMs, events, deadlineAtMs } = publication
    const hereMs = performance.now() - begunAtMs
    const travelMs = sentMs === undefined ? 0 : Math.max(0, this.#options.now() - hereMs - sentMs)
    return {
      topic,
      principal,
      events: open.map((index) => events[index] as Uint8Array),
      ageMs: (retry?.ageMs ?? 0) + travelMs + hereMs,
      firstRegion: retry === undefined ? this.#options.region : retry.region,
      deadlineAtMs,
    }
  }

  #route(publication: Publication, begunAtMs: number): PublishRoute {
    const { topic, deadlineAtMs } = publication
    const nowMs = performance.now()
    const time = { begunAtMs, deadlineAtMs }
    const state = this.#options.store.state(topic.key)
    // Nobody asks about other regions while the own store works.
    const peers = nowMs < storePatienceAt(time, state) ? [] : this.#peers(publication)
    const route = publishRoute(time, state, peers, nowMs)
    if (route.kind === 'forward' || route.patienceAtMs === Number.POSITIVE_INFINITY) return route
    return { kind: 'store', patienceAtMs: Math.min(route.patienceAtMs, nowMs + LOOK_INTERVAL_MS) }
  }

  #peers({ topic, mayForward }: Publication): readonly ForwardPeer[] {
    if (!mayForward || topic.document.spec.failover !== 'forward') return []
    return this.#options.forwarding.peers(topic.key)
  }
}

function outcomeOf(storing: Promise<readonly EventResult[]>): Promise<Stored> {
  return storing.then(
    (results) => ({ results }),
    (thrown: unknown) => ({ error: MeshError.from(thrown) }),
  )
}

function resultsOf(stored: Stored): readonly EventResult[] {
  if (stored.results === undefined) throw stored.error
  return stored.results
}

function isAcknowledged({ kind }: EventResult): boolean {
  return kind !== 'failed'
}

function failureOf(result: EventResult): readonly MeshError[] {
  return result.kind === 'failed' ? [result.error] : []
}

/** Another region may take what this one's store did not answer for; overload is not handed on. */
function mayGoElsewhere({ code }: MeshError): boolean {
  return code === 'unavailable' || code === 'deadline_exceeded'
}

function isOpen(stored: Stored | undefined, index: number): boolean {
  const result = stored?.results?.[index]
  return result === undefined || (result.kind === 'failed' && mayGoElsewhere(result.error))
}

/** What either said of each event; an acknowledgement wins. @throws MeshError when nothing was tried anywhere. */
function merged(
  { events }: Publication,
  own: Stored | undefined,
  open: readonly number[],
  forwarded: readonly EventResult[],
): readonly EventResult[] {
  const results: (EventResult | undefined)[] = events.map((_, index) => own?.results?.[index])
  for (const [place, index] of open.entries()) {
    const there = forwarded[place]
    const here = results[index]
    if (there === undefined || (here !== undefined && isAcknowledged(here))) continue
    results[index] = isAcknowledged(there) ? there : failedTwice(here, own?.error, there)
  }
  const tried = results.some((result) => result?.kind !== 'failed' || result.error.ambiguous)
  if (own?.error !== undefined && !tried) throw own.error
  return results.map((result) => result ?? failedTwice(undefined, own?.error, undefined))
}

/** Here and elsewhere: what happened here is told, and it is ambiguous when either was. */
function failedTwice(
  here: EventResult | undefined,
  refusal: MeshError | undefined,
  there: EventResult | undefined,
): EventResult {
  const away = there?.kind === 'failed' ? there.error : undefined
  const own = here?.kind === 'failed' ? here.error : refusal
  const { code, message } = own ?? new MeshError('unavailable', "store: the region's store cannot be reached")
  const text = away === undefined ? message : `${message}; forward: ${away.message}`
  const ambiguous = own?.ambiguous === true || away?.ambiguous === true
  const retryAfterMs = own?.retryAfterMs ?? 500
  return { kind: 'failed', error: new MeshError(code, text, { cause: own ?? away, ambiguous, retryAfterMs }) }
}

/** What a promise comes to, if that is before a time (by `performance.now()`); else undefined. */
async function within<Value>(promise: Promise<Value>, atMs: number): Promise<Value | undefined> {
  if (atMs === Number.POSITIVE_INFINITY) return promise
  const { promise: over, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), Math.max(0, Math.ceil(atMs - performance.now())))
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
  }
}
