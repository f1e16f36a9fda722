import { MeshError, NOT_OWN, regionsThatHold } from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import type { Metrics } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'
import type { EventResult, Placement } from '../event-store.ts'
import type { AppliedPositions } from './applied-positions.ts'
import { CopyGroups, type CopyPlaces, type Group } from './copy-groups.ts'
import type { Claim, Quorum, QuorumOutcome } from './quorum.ts'

/** What the step needs. */
export type QuorumStepOptions = {
  readonly region: string
  /** The other regions. */
  readonly regions: () => Iterable<string>
  readonly session: NatsSession
  readonly quorum: Quorum
  readonly positions: AppliedPositions
  readonly metrics: Pick<Metrics, 'quorumSeconds'>
  /** Says where copies lie beside here. */
  readonly places: CopyPlaces
  /** Events that wait for another region, over all callers; more are not taken. */
  readonly eventsMax: number
}

/** One attempt whose events were stored. */
export type ConfirmRequest = {
  readonly topic: TopicEntry
  readonly events: readonly Uint8Array[]
  /** By `performance.now()`. */
  readonly deadlineAtMs: number
}

/** When an attempt began. */
export type Begin = {
  /** Before it was handed to the store, by `performance.now()`. */
  readonly begunAtMs: number
  /** The session with the store then. */
  readonly epoch: number
}

type Own = Exclude<EventResult, { kind: 'failed' }>
const RETRY_MS = 500
/** Time to answer before the caller's time is over. */
const ANSWER_MS = 50

/**
 * The last step of a publish, for topics with durability "quorum": what this region has stored is acknowledged when
 * another region has it, too. Events that were stored elsewhere pass: the region that took them has done this.
 */
export class QuorumStep {
  readonly #options: QuorumStepOptions
  readonly #copies: CopyGroups
  #waiting = 0

  constructor(options: QuorumStepOptions) {
    this.#options = options
    this.#copies = new CopyGroups(options)
  }

  /** The session that an attempt begins in. */
  begin(): number {
    return this.#options.session.epoch
  }

  /** Why nothing of the topic is taken now: MeshError 'resource_exhausted', not ambiguous. */
  refusal({ document }: TopicEntry): MeshError | undefined {
    if (document.spec.durability !== 'quorum' || this.#waiting < this.#options.eventsMax) return undefined
    const text = `publish: ${this.#waiting} events wait for another region already, try again`
    return new MeshError('resource_exhausted', text, { retryAfterMs: RETRY_MS })
  }

  /** The same results, with where the events are; what no other region has in time is failed, and ambiguous. */
  async confirm(
    request: ConfirmRequest,
    results: readonly EventResult[],
    begin: Begin,
  ): Promise<readonly EventResult[]> {
    if (request.topic.document.spec.durability !== 'quorum') return results
    const own = [...results.keys()].filter((index) => isOwn(results[index]))
    if (own.length === 0) return results
    this.#waiting += own.length
    try {
      const confirmed = [...results]
      const { topic, events } = request
      const waiting = own.map((index) => events[index] as Uint8Array)
      const among = regionsThatHold(topic.document, waiting, this.#options.regions())
      const end = async ({ claim, indexes }: Group) => {
        const ended = await this.#end(
          request,
          { claim: { ...claim, among, deadlineAtMs: request.deadlineAtMs - ANSWER_MS }, indexes },
          results,
          begin,
        )
        for (const [place, index] of indexes.entries()) confirmed[index] = ended[place] as EventResult
      }
      const groups = await this.#groups(request, results, own, begin)
      await Promise.all(groups.map(async (known) => Promise.all((await known).map(end))))
      return confirmed
    } catch (thrown) {
      const error = ambiguous(MeshError.from(thrown).message)
      return results.map((result) => (isOwn(result) ? { kind: 'failed', error } : result))
    } finally {
      this.#waiting -= own.length
    }
  }

  async #end(
    { topic }: ConfirmRequest,
    { claim, indexes }: { readonly claim: Claim; readonly indexes: readonly number[] },
    results: readonly EventResult[],
    { epoch }: Begin,
  ): Promise<readonly EventResult[]> {
    const { quorum, session, metrics } = this.#options
    const waitedFromMs = performance.now()
    const fallback = topic.document.spec.quorumFallback
    const outcome: QuorumOutcome =
      session.epoch === epoch ? await quorum.wait({ key: topic.key, fallback }, claim) : { kind: 'reset' }
    metrics.quorumSeconds.observe({ outcome: outcome.kind }, (performance.now() - waitedFromMs) / 1_000)
    return indexes.map((index) => this.#resultOf(topic, claim, results[index] as Own, outcome))
  }

  #resultOf(topic: TopicEntry, claim: Claim, result: Own, outcome: QuorumOutcome): EventResult {
    switch (outcome.kind) {
      case 'held':
        return { ...result, placement: this.#placement(claim, outcome.regions, false) }
      case 'degraded':
        return { ...result, placement: this.#placement(claim, [], true) }
      case 'reset':
        return { kind: 'failed', error: ambiguous('the connection to the store changed') }
      case 'late': {
        // Those in front may be there already.
        const sequence = claim.sequence === NOT_OWN ? NOT_OWN : result.sequence
        const regions = sequence === 0 ? [] : this.#options.quorum.holders(topic.key, { ...claim, sequence })
        if (regions.length > 0) return { ...result, placement: this.#placement(claim, regions, false) }
        return { kind: 'failed', error: ambiguous('it is stored here, and no other region has it in time') }
      }
    }
  }

  #placement({ origin }: Claim, others: readonly string[], degraded: boolean): Placement {
    const { region } = this.#options
    const first = origin ?? region
    return { region: first, regions: [...new Set([first, region, ...others])], degraded }
  }

  /** New events wait together; copies by where they came from, each as soon as that is known. */
  async #groups(
    { topic, deadlineAtMs }: ConfirmRequest,
    results: readonly EventResult[],
    own: readonly number[],
    { begunAtMs }: Begin,
  ): Promise<readonly Promise<readonly Group[]>[]> {
    const isCopy = (index: number) => results[index]?.kind === 'duplicate'
    const entries = own.map((index) => ({ index, sequence: (results[index] as Own).sequence }))
    const stored = entries.filter(({ index }) => !isCopy(index))
    const copies = entries.filter(({ index }) => isCopy(index))
    const groups: Promise<readonly Group[]>[] = []
    if (stored.length > 0) {
      const sequence = this.#copies.lastOf(topic, stored)
      const indexes = stored.map(({ index }) => index)
      groups.push(sequence.then((last) => [{ claim: { sequence: last, begunAtMs, holders: [] }, indexes }]))
    }
    if (copies.length > 0) groups.push(...(await this.#copies.groupsOf(topic, copies, deadlineAtMs - ANSWER_MS)))
    return groups
  }
}

function isOwn(result: EventResult | undefined): result is Own {
  return result !== undefined && result.kind !== 'failed' && result.placement === undefined
}

function ambiguous(why: string): MeshError {
  return new MeshError('unavailable', `publish: ${why}`, { ambiguous: true, retryAfterMs: RETRY_MS })
}
