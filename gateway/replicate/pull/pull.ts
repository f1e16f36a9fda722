import { MeshAttribute, parseHybridTime, scanAttributes } from '@landbridge/core'
import { Backoff } from '../backoff.ts'
import type { LinkStream } from '../link/link-stream.ts'
import type { PeerLink } from '../link/peer-link.ts'
import type { LagRow, StopReason } from '../status.ts'
import type { PullContext } from './context.ts'
import type { LagReading } from './lag-meter.ts'
import { LocalStream } from './local-stream.ts'
import { PullRun, type RunEvents, type RunOutcome } from './pull-run.ts'
import type { PullRecord } from './received.ts'
import { detailOf, RETRY_WAITS, type RetryClass, reasonOf, retryClassOf, stopReasonOf } from './retry-plan.ts'

/** An origin that was not heard for this long is not known any more. */
const KNOWN_MS = 3_000
/** A run that lasted this long shows that whatever ended the one before is over. */
const STEADY_MS = 10_000

/** Spans of one batch: a batch of a long outage is not worth a thousand of them. */
const TRACED_MAX = 64

const NOTHING: LagReading = {
  events: 0,
  seconds: 0,
  appliedSequence: 0,
  headSequence: 0,
  stale: true,
  watermarkMs: undefined,
}

/**
 * Brings one origin's events of one topic into this region's stream: one run after the other, each from the data, for
 * as long as the pull is open. A run that ended is followed by the next after a wait that depends on why it ended; a
 * new link or a new connection to NATS cuts the wait short, except where somebody has to act first.
 */
export class Pull implements AsyncDisposable {
  readonly topicKey: string
  readonly origin: string
  readonly #context: PullContext
  readonly #link: PeerLink
  readonly #end = new AbortController()
  readonly #backoffs = new Map<RetryClass, Backoff>()
  readonly #events: RunEvents
  readonly #done: Promise<void>
  #run: PullRun | undefined
  #stream: LinkStream | undefined
  #lastReading: LagReading = NOTHING
  #lastReportMs: number | undefined
  #stopped: { readonly reason: StopReason; readonly message: string } | undefined
  #logged = ''

  constructor(context: PullContext, link: PeerLink, topicKey: string, origin: string) {
    this.#context = context
    this.#link = link
    this.topicKey = topicKey
    this.origin = origin
    this.#events = this.#makeEvents()
    this.#done = this.#live()
  }

  /** Why it stands still until somebody acts; undefined when it does not. */
  get stopped(): { readonly reason: StopReason; readonly message: string } | undefined {
    return this.#stopped
  }

  /** How far this region is behind. */
  lag(): LagRow {
    const { stale, ...reading } = this.#run?.lag() ?? this.#lastReading
    const open = this.#run?.open === true
    const heardMs = open ? this.#stream?.lastContactMs : undefined
    return {
      topic: this.topicKey,
      origin: this.origin,
      ...reading,
      known: !stale && heardMs !== undefined && this.#context.now() - heardMs < KNOWN_MS,
      reportedMs: heardMs ?? this.#lastReportMs,
      upstream: open ? this.origin : undefined,
      gateway: open ? this.#context.gateway : undefined,
      problem: this.#stopped?.message ?? (open ? '' : this.#link.reason),
      gaps: 0,
    }
  }

  /** Ends it; what is being stored is awaited. Idempotent. */
  close(): Promise<void> {
    this.#end.abort(new Error('the pull was closed'))
    return this.#done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #live(): Promise<void> {
    const { signal } = this.#end
    const stopFollowing = this.#context.session.onChange(() => this.#run?.sessionChanged())
    try {
      while (!signal.aborted) {
        const stream = await this.#link.whenUp(signal)
        await this.#context.session.whenConnected(signal)
        const startedMs = this.#context.now()
        const outcome = await this.#runOnce(stream)
        if (signal.aborted) return
        await this.#wait(outcome, this.#context.now() - startedMs)
      }
    } catch (err) {
      if (!signal.aborted) this.#context.log.error({ err, ...this.#labels }, 'pull ended unexpectedly')
    } finally {
      stopFollowing()
    }
  }

  async #runOnce(stream: LinkStream): Promise<RunOutcome> {
    const { session, checkpoints, incarnations, now } = this.#context
    const topic = this.#context.topic(this.topicKey)
    if (topic === undefined) return { kind: 'ended', reason: 'failed' }
    const run = new PullRun({
      topicKey: this.topicKey,
      origin: this.origin,
      link: stream,
      local: new LocalStream({ session, checkpoints, incarnations, topic, origin: this.origin }),
      marked: this.#context.markedView(topic),
      creditBytes: this.#context.creditBytes(),
      duplicateWindowMs: () => (this.#context.topic(this.topicKey) ?? topic).document.spec.duplicateWindowMs,
      events: this.#events,
      gate: this.#context.gate,
      signal: this.#end.signal,
      now,
    })
    this.#run = run
    this.#stream = stream
    const outcome = await run.run()
    this.#lastReading = run.lag() ?? this.#lastReading
    if (run.everOpen) this.#lastReportMs = stream.lastContactMs ?? this.#lastReportMs
    this.#run = undefined
    return outcome
  }

  async #wait(outcome: RunOutcome, lastedMs: number): Promise<void> {
    const retry = retryClassOf(outcome)
    if (lastedMs >= STEADY_MS) this.#backoffs.clear()
    const backoff = this.#backoffs.get(retry) ?? new Backoff(RETRY_WAITS[retry], this.#context.random)
    this.#backoffs.set(retry, backoff)
    const waitMs = backoff.next()
    this.#report(outcome, waitMs)
    await pause(waitMs, this.#end.signal)
  }

  #report(outcome: RunOutcome, waitMs: number): void {
    const reason = reasonOf(outcome)
    const stopReason = stopReasonOf(outcome)
    const message = detailOf(outcome)
    this.#context.metrics.runsEnded.inc({ origin: this.origin, reason })
    // A stop stays known while the link is away: nobody has acted yet.
    if (stopReason !== undefined) this.#stopped = { reason: stopReason, message }
    else if (outcome.kind !== 'link-down' && reason !== 'failed') this.#goOn('run')
    const level = stopReason !== undefined ? 'error' : reason === 'link-down' ? 'debug' : 'info'
    // The same end over and over is said once.
    if (this.#logged === reason && level !== 'error') return
    this.#logged = reason
    this.#context.log[level](
      { ...this.#labels, reason, detail: message, waitMs: Math.round(waitMs) },
      'pull interrupted',
    )
  }

  /** What stopped it is over. That the origin serves a run says nothing about what cannot be stored. */
  #goOn(sign: 'run' | 'stored'): void {
    if (sign === 'run' && this.#stopped?.reason === 'cannot_store') return
    this.#stopped = undefined
  }

  get #labels(): { readonly topic: string; readonly origin: string } {
    return { topic: this.topicKey, origin: this.origin }
  }

  #makeEvents(): RunEvents {
    const { metrics, clock, tracing, now } = this.#context
    const labels = { topic: metrics.topicLabel(this.topicKey), origin: this.origin }
    return {
      onApplied: (stored, skippedByCheck, skippedByServer) => {
        if (stored > 0) metrics.applied.inc(labels, stored)
        if (skippedByCheck > 0) metrics.skipped.inc({ ...labels, by: 'check' }, skippedByCheck)
        if (skippedByServer > 0) metrics.skipped.inc({ ...labels, by: 'server' }, skippedByServer)
      },
      onOpen: () => {
        this.#goOn('run')
        this.#logged = ''
      },
      onBatch: (seconds, records) => {
        this.#goOn('stored')
        metrics.applySeconds.observe({ origin: this.origin }, seconds)
        const time = timeOf(records.at(-1))
        if (time !== undefined) clock.observe(time)
        if (tracing === undefined) return
        const endMs = now()
        for (const { traceparent } of records.slice(0, TRACED_MAX)) {
          tracing.replicate(this.topicKey, this.origin, traceparent, endMs - seconds * 1_000, endMs)
        }
      },
    }
  }
}

/** The hybrid time of an event: what we stamp later must be greater than what we have seen. */
function timeOf(record: PullRecord | undefined): ReturnType<typeof parseHybridTime>['value'] {
  const text = record === undefined ? undefined : scanAttributes(record.event).get(MeshAttribute.time)
  return text === undefined ? undefined : parseHybridTime(text).value
}

/** Waits; an abort ends it early without an error. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
