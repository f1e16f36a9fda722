import {
  type GapAnswer,
  type GapAnswers,
  type GapUpstream,
  MeshError,
  mayWriteGap,
  type Position,
  resolvePosition,
  samePosition,
  streamName,
  type TopicDocument,
  withGapAnswer,
} from '@landbridge/core'
import type { NatsSession } from '@landbridge/nats'
import type { Log } from '../../telemetry/index.ts'
import type { TopicEntry } from '../../topics.ts'
import type { LinkStream } from '../link/link-stream.ts'
import type { ReplicationMetrics } from '../metrics.ts'
import type { LocalStream } from '../pull/local-stream.ts'
import { BranchAges } from './branch-ages.ts'
import { type Applied, Paces } from './pace.ts'
import { type RepairOutcome, repairOrigin } from './repair.ts'
import { RepairStream } from './repair-stream.ts'
import { retireOrigin } from './retire.ts'

/** What repairs need. */
export type RepairsOptions = {
  readonly session: NatsSession
  /** This region. */
  readonly region: string
  /** How far other regions are, of topics whose publishers wait for them. */
  readonly applied: Applied
  readonly log: Log
  readonly metrics: ReplicationMetrics
}

/** One origin of one topic, as a run of its pull sees it. */
export type OriginOptions = {
  readonly topic: TopicEntry
  readonly origin: string
  readonly local: LocalStream
  readonly signal: AbortSignal
}

/** What became of a retention gap. */
export type GapOutcome =
  /** Another upstream may have what follows, or time will tell. */
  | { readonly kind: 'waiting' }
  /** It is written down: go on behind it. */
  | { readonly kind: 'recorded' }
  | { readonly kind: 'failed'; readonly error: MeshError }

/** What is remembered of one origin of one topic between runs. */
type Memory = { gaps: number | undefined; answers: GapAnswers | undefined }

/**
 * What a region does about an origin whose log is not what it was: it gives back what the origin lost (rules 7 and 8),
 * and writes down what nobody keeps any more. Both show in the log and in metrics: they are for people to know.
 */
export class Repairs {
  readonly #options: RepairsOptions
  readonly #branches = new BranchAges()
  readonly #paces: Paces
  /** By topic and origin: bounded by the configuration. */
  readonly #memories = new Map<string, Memory>()

  constructor(options: RepairsOptions) {
    this.#options = options
    this.#paces = new Paces(options.applied)
  }

  /** Repairs a diverged origin; `onAct` is called for each step. Never rejects. */
  async repair(
    at: OriginOptions & { readonly link: Pick<LinkStream, 'match'>; readonly onAct: () => void },
  ): Promise<RepairOutcome> {
    const { log, metrics } = this.#options
    const { topic, origin, local, signal, link, onAct } = at
    const said = { topic: topic.key, origin }
    const labels = { topic: metrics.topicLabel(topic.key), origin }
    const outcome = await repairOrigin({
      stream: topic.stream,
      origin,
      local,
      repair: this.#stream(at),
      branches: this.#branches,
      pace: this.#paces.of(topic.key),
      duplicateWindowMs: topic.document.spec.duplicateWindowMs,
      match: (positions) => link.match({ topic: topic.key, origin, positions }),
      events: {
        onBranch: ({ sequence }) => {
          metrics.divergences.inc(labels)
          log.error({ ...said, commonSequence: sequence }, 'the origin lost records that are here: they are given back')
        },
        onAdopted: (count) => metrics.givenBack.inc(labels, count),
        onAct,
      },
      signal,
    })
    const { reason, adopted, error } = outcome
    if (reason === 'repaired') log.warn({ ...said, givenBack: adopted }, 'the origin is repaired: its events go on')
    else log.info({ ...said, reason, givenBack: adopted, err: error }, 'repairing the origin was interrupted')
    return outcome
  }

  /**
   * An upstream refused to serve what follows a position. When nobody can, that is written down.
   * @param upstreams all regions that may have it
   */
  async answered(
    at: OriginOptions,
    refusal: { readonly region: string; readonly answer: GapAnswer; readonly position: Position },
    upstreams: readonly GapUpstream[],
  ): Promise<GapOutcome> {
    const memory = this.#memoryOf(at.topic, at.origin)
    const nowMs = performance.now()
    memory.answers = withGapAnswer(memory.answers, { ...refusal, nowMs })
    if (!mayWriteGap(memory.answers, upstreams, nowMs)) return { kind: 'waiting' }
    try {
      return await this.#record(at, refusal.position, memory)
    } catch (thrown) {
      return { kind: 'failed', error: MeshError.from(thrown) }
    }
  }

  /** Gives back what this region holds of an origin that is gone for good. @throws MeshError */
  async retire(
    topic: TopicEntry,
    origin: string,
    bounds: { readonly dryRun: boolean; readonly eventsMax: number; readonly signal: AbortSignal },
  ): Promise<{ readonly events: number; readonly more: boolean }> {
    const { session, region, log, metrics } = this.#options
    const labels = { topic: metrics.topicLabel(topic.key), origin }
    const retired = await retireOrigin({
      stream: new RepairStream({ session, region, topic, origin, signal: bounds.signal }),
      origin,
      duplicateWindowMs: topic.document.spec.duplicateWindowMs,
      pace: this.#paces.of(topic.key),
      ...bounds,
      onGivenBack: (count) => metrics.givenBack.inc(labels, count),
    })
    const given = { topic: topic.key, origin, givenBack: retired.events }
    if (!bounds.dryRun && retired.events > 0) log.warn(given, 'events of a retired region were given back')
    return retired
  }

  /** Retention gaps of an origin in this region; 0 while not known. */
  gaps(topicKey: string, origin: string): number {
    return this.#memories.get(keyOf(topicKey, origin))?.gaps ?? 0
  }

  /** Counts the gaps that are written down already; once for each origin. @throws MeshError */
  async learnGaps(at: OriginOptions): Promise<void> {
    const memory = this.#memoryOf(at.topic, at.origin)
    memory.gaps ??= await this.#stream(at).gaps()
  }

  /** Forgets what is gone. */
  keepOnly(topics: ReadonlyMap<string, Pick<TopicDocument, 'name'>>): void {
    for (const key of this.#memories.keys()) {
      if (!topics.has(key.slice(0, key.indexOf(' ')))) this.#memories.delete(key)
    }
    this.#branches.keepOnly(new Set([...topics.values()].map(({ name }) => streamName(name))))
  }

  async #record(at: OriginOptions, position: Position, memory: Memory): Promise<GapOutcome> {
    const { log, metrics } = this.#options
    const { topic, origin, local } = at
    const { last, checkpoint, facts } = await local.opening()
    const resolved = resolvePosition(last, checkpoint, facts)
    // Something happened meanwhile, or it is written down already.
    if (resolved.next !== 'pull' || !samePosition(resolved.position, position)) return { kind: 'waiting' }
    const { kind, error } = await this.#stream(at).writeControl({ kind: 'gap', after: position }, resolved.fence)
    if (error !== undefined) return { kind: 'failed', error }
    if (kind !== 'stored') return { kind: 'waiting' }
    memory.gaps = (memory.gaps ?? 0) + 1
    memory.answers = undefined
    metrics.gaps.inc({ topic: metrics.topicLabel(topic.key), origin })
    const said = { topic: topic.key, origin, afterSequence: position.sequence }
    log.error(said, 'no region keeps the events that follow: the gap is written down, and is not filled any more')
    return { kind: 'recorded' }
  }

  #stream({ topic, origin, signal }: OriginOptions): RepairStream {
    const { session, region } = this.#options
    return new RepairStream({ session, region, topic, origin, signal })
  }

  #memoryOf(topic: TopicEntry, origin: string): Memory {
    const key = keyOf(topic.key, origin)
    const known = this.#memories.get(key) ?? { gaps: undefined, answers: undefined }
    this.#memories.set(key, known)
    return known
  }
}

function keyOf(topicKey: string, origin: string): string {
  return `${topicKey} ${origin}`
}
