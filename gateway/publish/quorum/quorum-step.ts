import { MeshError, NOT_OWN, originFilter, parseSubject, regionsThatHold } from '@landbridge/core'
import { lastRecord, type NatsSession, recordAt } from '@landbridge/nats'
import type { Metrics } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'
import type { EventResult, Placement } from '../event-store.ts'
import type { AppliedPositions } from './applied-positions.ts'
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
/** Events of one attempt that wait for the same thing. */
type Group = { readonly claim: Claim; readonly indexes: readonly number[] }

const RETRY_MS = 500
/** Records that are looked at at a time, to find where copies came from. */
const LOOKS_MAX = 16
/** Time to answer before the caller's time is over. */
const ANSWER_MS = 50

/**
 * The last step of a publish, for topics with durability "quorum": what this region has stored is acknowledged when
 * another region has it, too. Events that were stored elsewhere pass: the region that took them has done this.
 */
export class QuorumStep {
  readonly #options: QuorumStepOptions
  #waiting = 0

  constructor(options: QuorumStepOptions) {
    this.#options = options
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
      const groups = (await this.#groups(topic, results, own, begin)).map(({ claim, indexes }) => ({
        claim: { ...claim, among },
        indexes,
      }))
      for (const { indexes, results: ended } of await Promise.all(
        groups.map((group) => this.#end(request, group, results, begin)),
      )) {
        for (const [place, index] of indexes.entries()) confirmed[index] = ended[place] as EventResult
      }
      return confirmed
    } catch (thrown) {
      const error = ambiguous(MeshError.from(thrown).message)
      return results.map((result) => (isOwn(result) ? { kind: 'failed', error } : result))
    } finally {
      this.#waiting -= own.length
    }
  }

  async #end(
    { topic, deadlineAtMs }: ConfirmRequest,
    { claim, indexes }: Group,
    results: readonly EventResult[],
    { epoch }: Begin,
  ) {
    const { quorum, session, metrics } = this.#options
    const waitedFromMs = performance.now()
    const fallback = topic.document.spec.quorumFallback
    const outcome: QuorumOutcome =
      session.epoch === epoch
        ? await quorum.wait({ key: topic.key, fallback }, { ...claim, deadlineAtMs: deadlineAtMs - ANSWER_MS })
        : { kind: 'reset' }
    metrics.quorumSeconds.observe({ outcome: outcome.kind }, (performance.now() - waitedFromMs) / 1_000)
    const ended = indexes.map((index) => this.#resultOf(topic, claim, results[index] as Own, outcome))
    return { indexes, results: ended }
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

  /** New events wait together; copies by where they came from. */
  async #groups(
    topic: TopicEntry,
    results: readonly EventResult[],
    own: readonly number[],
    { begunAtMs }: Begin,
  ): Promise<readonly Group[]> {
    const stored = own.filter((index) => results[index]?.kind === 'stored')
    const copies = own.filter((index) => results[index]?.kind === 'duplicate')
    const sequences = stored.map((index) => (results[index] as Own).sequence)
    const groups: Group[] = []
    if (stored.length > 0) {
      const sequence = sequences.includes(0) ? await this.#ownEnd(topic) : Math.max(...sequences)
      groups.push({ claim: { sequence, begunAtMs, deadlineAtMs: 0 }, indexes: stored })
    }
    if (copies.length > 0) groups.push(...(await this.#groupsOfCopies(topic, results, copies)))
    return groups
  }

  async #groupsOfCopies(
    topic: TopicEntry,
    results: readonly EventResult[],
    copies: readonly number[],
  ): Promise<readonly Group[]> {
    const { region } = this.#options
    const origins = await this.#originsOf(topic, [...new Set(copies.map((index) => (results[index] as Own).sequence))])
    const byOrigin = new Map<string, number[]>()
    for (const index of copies) {
      const origin = origins.get((results[index] as Own).sequence) ?? region
      const indexes = byOrigin.get(origin) ?? []
      indexes.push(index)
      byOrigin.set(origin, indexes)
    }
    const groups: Group[] = []
    for (const [origin, indexes] of byOrigin) {
      if (origin !== region) {
        groups.push({
          claim: { sequence: NOT_OWN, begunAtMs: Number.NEGATIVE_INFINITY, deadlineAtMs: 0, origin },
          indexes,
        })
        continue
      }
      const sequences = indexes.map((index) => (results[index] as Own).sequence)
      const sequence = sequences.includes(0) ? await this.#ownEnd(topic) : Math.max(...sequences)
      const begunAtMs = (await this.#reportsHold(topic)) ? Number.NEGATIVE_INFINITY : performance.now()
      groups.push({ claim: { sequence, begunAtMs, deadlineAtMs: 0 }, indexes })
    }
    return groups
  }

  /** The last sequence of our own log: whatever was stored before is at or before it. */
  async #ownEnd({ document, stream }: TopicEntry): Promise<number> {
    const last = await lastRecord(this.#options.session, stream, originFilter(document.name, this.#options.region))
    return last?.sequence ?? 0
  }

  /** The origin of each record; a record that is kept no more has none. */
  async #originsOf({ stream }: TopicEntry, sequences: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const origins = new Map<number, string>()
    for (let begin = 0; begin < sequences.length; begin += LOOKS_MAX) {
      const part = sequences.slice(begin, begin + LOOKS_MAX).filter((sequence) => sequence > 0)
      const records = await Promise.all(part.map((sequence) => recordAt(this.#options.session, stream, sequence)))
      for (const record of records) {
        const origin = record === undefined ? undefined : parseSubject(record.subject).value?.origin
        if (record !== undefined && origin !== undefined) origins.set(record.sequence, origin)
      }
    }
    return origins
  }

  /**
   * Whether what the regions last said is said of the log as it is: a copy was stored before, so the time of a report
   * says nothing. Two logs that share a record (sequence and stamp) share everything before it.
   */
  async #reportsHold({ key, stream }: TopicEntry): Promise<boolean> {
    for (const { position } of this.#options.positions.of(key)) {
      if (position.sequence === 0) continue
      const record = await recordAt(this.#options.session, stream, position.sequence)
      if (record !== undefined && record.stampNs !== position.stamp) return false
    }
    return true
  }
}

function isOwn(result: EventResult | undefined): result is Own {
  return result !== undefined && result.kind !== 'failed' && result.placement === undefined
}

function ambiguous(why: string): MeshError {
  return new MeshError('unavailable', `publish: ${why}`, { ambiguous: true, retryAfterMs: RETRY_MS })
}
