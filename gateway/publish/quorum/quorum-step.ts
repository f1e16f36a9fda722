import { formatBytes, MeshError, regionsThatHold } from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import type { Metrics } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'
import { bytesOf } from '../bytes.ts'
import type { EventResult, Placement } from '../event-store.ts'
import type { AppliedPositions } from './applied-positions.ts'
import { type Adopter, CopyGroups, type Entry, type Group } from './copy-groups.ts'
import type { Quorum, QuorumOutcome } from './quorum.ts'

/** What the step needs. */
export type QuorumStepOptions = {
  readonly region: string
  /** The other regions. */
  readonly regions: () => Iterable<string>
  readonly session: NatsSession
  readonly quorum: Quorum
  readonly positions: AppliedPositions
  readonly metrics: Pick<Metrics, 'quorumSeconds'>
  readonly adopter: Adopter
  /** Events that wait for another region, and their bytes, over all callers; more are not taken. */
  readonly eventsMax: number
  readonly bytesMax: number
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

/** What the groups of an attempt have in common. */
type Wait = {
  readonly topic: TopicEntry
  readonly among: ReadonlySet<string> | undefined
  readonly deadlineAtMs: number
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
  readonly #waiting = { events: 0, bytes: 0 }

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
    const { eventsMax, bytesMax } = this.#options
    if (document.spec.durability !== 'quorum') return undefined
    if (this.#waiting.events < eventsMax && this.#waiting.bytes < bytesMax) return undefined
    const { events, bytes } = this.#waiting
    const text = `publish: ${events} events (${formatBytes(bytes)}) wait for another region already, try again`
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
    const events = own.map((index) => request.events[index] as Uint8Array)
    const bytes = bytesOf(events)
    this.#waiting.events += own.length
    this.#waiting.bytes += bytes
    try {
      const { topic } = request
      const among = regionsThatHold(topic.document, events, this.#options.regions())
      const wait = { topic, among, deadlineAtMs: request.deadlineAtMs - ANSWER_MS, epoch: begin.epoch }
      const confirmed = [...results]
      const groups = await this.#groups(topic, results, own, begin)
      await Promise.all(
        groups.map(async (known) => {
          const group = await known
          const outcome = await this.#outcome(wait, group)
          for (const index of group.indexes) {
            confirmed[index] = this.#resultOf(wait, group, results[index] as Own, outcome)
          }
        }),
      )
      return confirmed
    } catch (thrown) {
      const error = ambiguous(MeshError.from(thrown).message)
      return results.map((result) => (isOwn(result) ? { kind: 'failed', error } : result))
    } finally {
      this.#waiting.events -= own.length
      this.#waiting.bytes -= bytes
    }
  }

  async #outcome({ topic, among, deadlineAtMs, epoch }: Wait, { claim }: Group): Promise<QuorumOutcome> {
    const { quorum, session, metrics } = this.#options
    const waitedFromMs = performance.now()
    const fallback = topic.document.spec.quorumFallback
    const outcome: QuorumOutcome =
      session.epoch === epoch
        ? await quorum.wait({ key: topic.key, fallback }, { ...claim, among, deadlineAtMs })
        : { kind: 'reset' }
    metrics.quorumSeconds.observe({ outcome: outcome.kind }, (performance.now() - waitedFromMs) / 1_000)
    return outcome
  }

  #resultOf({ topic, among }: Wait, { claim, each }: Group, result: Own, outcome: QuorumOutcome): EventResult {
    switch (outcome.kind) {
      case 'held':
        return { ...result, placement: this.#placement(outcome.regions, false) }
      case 'degraded':
        return { ...result, placement: this.#placement([], true) }
      case 'reset':
        return { kind: 'failed', error: ambiguous('the connection to the store changed') }
      case 'late': {
        // Those in front may be there already.
        const sequence = each && result.sequence > 0 ? result.sequence : claim.sequence
        const regions = this.#options.quorum.holders(topic.key, { ...claim, among, sequence })
        if (regions.length > 0) return { ...result, placement: this.#placement(regions, false) }
        return { kind: 'failed', error: ambiguous('it is stored here, and no other region has it in time') }
      }
    }
  }

  #placement(others: readonly string[], degraded: boolean): Placement {
    const { region } = this.#options
    return { region, regions: [region, ...others], degraded }
  }

  /** New events wait together; so do copies of this region's own log, and those that must be put into it first. */
  async #groups(
    topic: TopicEntry,
    results: readonly EventResult[],
    own: readonly number[],
    { begunAtMs }: Begin,
  ): Promise<readonly Promise<Group>[]> {
    const isCopy = ({ index }: Entry) => results[index]?.kind === 'duplicate'
    const entries = own.map((index) => ({ index, sequence: (results[index] as Own).sequence }))
    const stored = entries.filter((entry) => !isCopy(entry))
    const copies = entries.filter(isCopy)
    const groups = copies.length > 0 ? [...(await this.#copies.groupsOf(topic, copies))] : []
    if (stored.length > 0) {
      const indexes = stored.map(({ index }) => index)
      const group = (sequence: number) => ({ claim: { sequence, begunAtMs }, indexes, each: true })
      groups.push(this.#copies.lastOf(topic, stored).then(group))
    }
    return groups
  }
}

function isOwn(result: EventResult | undefined): result is Own {
  return result !== undefined && result.kind !== 'failed' && result.placement === undefined
}

function ambiguous(why: string): MeshError {
  return new MeshError('unavailable', `publish: ${why}`, { ambiguous: true, retryAfterMs: RETRY_MS })
}
