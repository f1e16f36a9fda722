import {
  codeOfGrpcStatus,
  egressOf,
  exchangeOf,
  FORWARD_MS_MIN,
  type ForwardPeer,
  MeshError,
  type PeerStatus,
} from '@landbridge/core'
import type { PublishError, PublishResult } from '@landbridge/proto'
import type { EventResult, Forwarding, Handover } from '../../publish/index.ts'
import type { Log, Metrics } from '../../telemetry/index.ts'
import { msOf } from '../../time.ts'
import type { TopicRegistry } from '../../topics.ts'
import { callForward, encodeForward } from './forward-call.ts'
import type { ForwardChannels } from './forward-channels.ts'

/** What a forwarder needs. */
export type ForwarderOptions = {
  /** This region. */
  readonly region: string
  readonly registry: Pick<TopicRegistry, 'snapshot'>
  readonly channels: ForwardChannels
  /** The links to the other regions. */
  readonly peers: () => readonly PeerStatus[]
  /** The region's clock, ms since 1970. */
  readonly now: () => number
  readonly log: Log
  readonly metrics: Pick<Metrics, 'forwarded'>
}

/** What was seen of the links so recently is not looked at again: while a store is away, every publish asks. */
const FRESH_MS = 50
/** Time to answer before the caller's time is over. */
const ANSWER_MS = 30

/**
 * Hands events on that this region cannot store now. Each is marked by the region that takes it, so a copy of it in
 * this region's store is found wherever the two meet.
 */
export class Forwarder implements Forwarding {
  readonly #options: ForwarderOptions
  #statuses: readonly PeerStatus[] = []
  #seenAtMs = Number.NEGATIVE_INFINITY

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  peers(topicKey: string): readonly ForwardPeer[] {
    const { region: self, registry, peers } = this.#options
    const { snapshot } = registry
    const nowMs = performance.now()
    if (nowMs - this.#seenAtMs > FRESH_MS) {
      this.#statuses = peers()
      this.#seenAtMs = nowMs
    }
    return this.#statuses.map(({ region, state, cost, rttMs }) => ({
      region,
      usable: state === 'connected' && exchangeOf(snapshot, self, region, topicKey, 'export') === 'allowed',
      cost,
      rttMs,
    }))
  }

  /** One result an event; never rejects. Goes on to the next region after one that took none of them. */
  async forward(handover: Handover, regions: readonly string[]): Promise<readonly EventResult[]> {
    const begunAtMs = performance.now()
    const failures: MeshError[] = []
    for (const [place, region] of regions.entries()) {
      const restMs = handover.deadlineAtMs - ANSWER_MS - performance.now()
      if (restMs < FORWARD_MS_MIN) break
      // The best region gets most of the time; what is left after it must do for one more.
      const last = place === regions.length - 1 || restMs < 2 * FORWARD_MS_MIN
      try {
        const results = await this.#to(region, handover, begunAtMs, last ? restMs : restMs * (2 / 3))
        this.#count(handover.topic.key, region, results)
        if (results.some(({ kind }) => kind !== 'failed')) return results
        failures.push(...results.flatMap((result) => (result.kind === 'failed' ? [result.error] : [])).slice(0, 1))
      } catch (thrown) {
        failures.push(MeshError.from(thrown))
      }
    }
    const error = failureOf(failures)
    this.#options.log.warn({ topic: handover.topic.key, regions, err: error }, 'no other region took the events')
    return handover.events.map(() => ({ kind: 'failed', error }))
  }

  async #to(region: string, handover: Handover, begunAtMs: number, timeoutMs: number): Promise<readonly EventResult[]> {
    const { registry, channels, now } = this.#options
    const document = registry.snapshot.peers.get(region)
    if (document === undefined) throw new MeshError('unavailable', `${region} is no peer any more`)
    const { topic, events, principal, ageMs, firstRegion } = handover
    const egress = egressOf(topic.document)
    if (!egress.isPlain && events.some((event) => !egress.mayForward(event, region))) {
      throw new MeshError('failed_precondition', `an event may not be handed to ${region} as it is`)
    }
    const { channel, token } = await channels.to(document)
    const request = encodeForward({
      topic: topic.key,
      events,
      ageMs: ageMs + performance.now() - begunAtMs,
      firstRegion,
      sentMs: now(),
      principal: principal.subject,
    })
    try {
      const { results } = await callForward(channel, token, request, timeoutMs)
      return events.map((_, index) => resultOf(results[index]))
    } catch (thrown) {
      const error = MeshError.from(thrown)
      if (error.code === 'unavailable' || error.code === 'deadline_exceeded') channels.failed(document, channel)
      throw error
    }
  }

  #count(topic: string, peer: string, results: readonly EventResult[]): void {
    const taken = results.filter(({ kind }) => kind !== 'failed').length
    if (taken > 0) this.#options.metrics.forwarded.inc({ peer }, taken)
    if (taken < results.length)
      this.#options.log.info({ topic, peer, refused: results.length - taken }, 'events refused')
  }
}

/** Several regions refused: ambiguous when any of them was. */
function failureOf(failures: readonly MeshError[]): MeshError {
  const [first] = failures
  const text = first === undefined ? 'no time is left for it' : first.message
  const ambiguous = failures.some((failure) => failure.ambiguous)
  return new MeshError('unavailable', text, { cause: first, ambiguous, retryAfterMs: first?.retryAfterMs })
}

function resultOf(result: PublishResult | undefined): EventResult {
  switch (result?.outcome.case) {
    case 'receipt': {
      const { region, regions, degraded, sequence, duplicate } = result.outcome.value
      const placement = { region, regions, degraded }
      return { kind: duplicate ? 'duplicate' : 'stored', sequence: Number(sequence), placement }
    }
    case 'error':
      return { kind: 'failed', error: errorOf(result.outcome.value) }
    default:
      return { kind: 'failed', error: new MeshError('internal', 'no result for an event', { ambiguous: true }) }
  }
}

function errorOf({ code, message, ambiguous, retryAfter }: PublishError): MeshError {
  const retryAfterMs = retryAfter === undefined ? undefined : msOf(retryAfter)
  return new MeshError(codeOfGrpcStatus(code), message, { ambiguous, retryAfterMs })
}
