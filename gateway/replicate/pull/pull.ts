import { type LagRow, type PullMark, START, type StopReason, watchPull } from '@landbridge/core'
import { Backoff } from '../backoff.ts'
import type { LinkStream } from '../link/link-stream.ts'
import { pause } from '../pause.ts'
import { PullRoute, type Upstream } from '../route/pull-route.ts'
import type { PullContext } from './context.ts'
import { carriedOver, type HeadReport, type LagReading } from './lag-meter.ts'
import { LocalStream } from './local-stream.ts'
import { PullRun, type RunEvents, type RunOutcome } from './pull-run.ts'
import {
  detailOf,
  nextStepOf,
  type PullOutcome,
  RETRY_WAITS,
  type RetryClass,
  reasonOf,
  stopReasonOf,
} from './retry-plan.ts'
import { runEvents } from './run-events.ts'

/** An origin that was not heard for this long is not known any more. */
const KNOWN_MS = 3_000
/** A run that lasted this long shows that whatever ended the one before is over. */
const STEADY_MS = 10_000
/** A run that was told to end and does not is left to itself: whatever it still does, fences keep it from doing harm. */
const ABANDON_MS = 10_000

/** How loud an end is; others are for information. */
const LEVELS: Partial<Record<PullOutcome['kind'], 'debug' | 'warn'>> = { 'link-down': 'debug', stalled: 'warn' }
/** Records on their way and waiting: what a link of 200 ms carries at 40 MB/s. */
const CREDIT_BYTES = 8 * 1024 * 1024

const NOTHING: LagReading = {
  events: 0,
  seconds: 0,
  appliedSequence: 0,
  headSequence: 0,
  stale: false,
  watermarkMs: undefined,
}

/** Takes about a batch life, and longer when there is much to give back. */
const REPAIRING = { reason: 'diverged', message: 'the origin lost records that are here: they are given back' } as const

/** A run and what it runs on. */
type Running = {
  readonly run: PullRun
  readonly region: string
  readonly stream: LinkStream
  readonly leave: AbortController
  /** Why we ended it ourselves. */
  cut: PullOutcome | undefined
  mark: PullMark | undefined
  /** Resolves when it is to be left to itself. */
  readonly abandoned: PromiseWithResolvers<undefined>
  abandoning: NodeJS.Timeout | undefined
}

/**
 * Brings one origin's events of one topic into this region's stream, from whichever region serves them best: one run
 * after the other, each from the data, for as long as the pull is open.
 *
 * A run that its upstream ended is followed by the next one over the best route there is then. A run that ended here is
 * followed by the next after a wait that depends on why. A run whose upstream is no longer the best one ends behind the
 * batch in hand, and the next one goes on at the very record behind it.
 */
export class Pull implements AsyncDisposable {
  readonly topicKey: string
  readonly origin: string
  readonly #context: PullContext
  readonly #route: PullRoute
  readonly #end = new AbortController()
  readonly #backoffs = new Map<RetryClass, Backoff>()
  readonly #events: RunEvents
  readonly #done: Promise<void>
  #running: Running | undefined
  #lastPosition = START
  #lastReading: LagReading = NOTHING
  #lastReportMs: number | undefined
  #stopped: { readonly reason: StopReason; readonly message: string } | undefined
  #logged = ''
  /** How the last run ended; empty once another one is open. */
  #trouble = ''

  constructor(context: PullContext, topicKey: string, origin: string) {
    this.#context = context
    this.topicKey = topicKey
    this.origin = origin
    this.#events = runEvents(context, this, { onOpen: () => this.#opened(), onStored: () => this.#stored() })
    this.#route = new PullRoute({
      table: context.routes,
      topicKey,
      origin,
      random: context.random,
      position: () => this.#running?.run.position ?? this.#lastPosition,
      onMove: (to) => this.#leave({ kind: 'moved', to }),
    })
    this.#done = this.#live()
  }

  /** Where its records come from now; undefined while no run is open. */
  get upstream(): string | undefined {
    return this.#running?.run.open === true ? this.#running.region : undefined
  }

  /** The origin's end as our upstream last told it; undefined while none does. */
  get head(): HeadReport | undefined {
    return this.#running?.run.head
  }

  /** Why it stands still until somebody acts; undefined when it does not. */
  get stopped(): { readonly reason: StopReason; readonly message: string } | undefined {
    return this.#running?.run.repairing === true ? REPAIRING : this.#stopped
  }

  /** How far this region is behind. */
  lag(): LagRow {
    const { stale, ...reading } = this.#reading(this.#running?.run)
    const { upstream } = this
    const heardMs = upstream === undefined ? undefined : this.#running?.stream.lastContactMs
    const { now, gateway, repairs } = this.#context
    return {
      topic: this.topicKey,
      origin: this.origin,
      ...reading,
      known: !stale && heardMs !== undefined && now() - heardMs < KNOWN_MS,
      reportedMs: heardMs ?? this.#lastReportMs,
      upstream,
      gateway: upstream === undefined ? undefined : gateway,
      problem: this.#problem(stale),
      gaps: repairs.gaps(this.topicKey, this.origin),
    }
  }

  #problem(stale: boolean): string {
    const { stopped, upstream } = this
    if (stopped !== undefined) return stopped.message
    if (upstream === undefined) return this.#context.linkReason(this.origin) || this.#trouble || 'nothing was heard yet'
    return stale ? `${upstream} does not hear ${this.origin}` : ''
  }

  #reading(run: PullRun | undefined): LagReading {
    const reading = run?.lag()
    return reading === undefined ? this.#lastReading : carriedOver(this.#lastReading, reading)
  }

  /** Once a second: ends a run that stands still though there is something to do. */
  look(): void {
    const running = this.#running
    // Before it has read its position it waits for its turn, or for our own store, and has its own limits.
    if (running?.run.position === undefined) return
    const { mark, verdict } = watchPull(running.mark, running.run.progress, performance.now())
    running.mark = mark
    if (verdict === 'upstream-stalled') this.#leave({ kind: 'stalled', who: 'upstream' })
    else if (verdict === 'applier-stalled') this.#leave({ kind: 'stalled', who: 'applier' })
    else if (running.region !== this.origin && running.run.lag()?.stale === true) this.#route.stale(running.region)
  }

  /** The topic's stream here was made anew: what is known of it is about another one. */
  streamMade(): void {
    this.#running?.run.sessionChanged()
  }

  /** Ends it; what is being stored is awaited. Idempotent. */
  close(): Promise<void> {
    this.#end.abort(new Error('the pull was closed'))
    this.#running?.leave.abort()
    this.#route.close()
    return this.#done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #live(): Promise<void> {
    const { signal } = this.#end
    const stopFollowing = this.#context.session.onChange(() => this.#running?.run.sessionChanged())
    try {
      while (!signal.aborted) {
        try {
          await this.#next(signal)
        } catch (err) {
          if (signal.aborted) return
          this.#running = undefined
          this.#trouble = 'it failed unexpectedly'
          this.#context.log.error({ err, ...this.#labels }, 'pull failed unexpectedly, and begins again')
          await this.#pauseFor('failed')
        }
      }
    } finally {
      stopFollowing()
    }
  }

  /** One run, and what follows it. */
  async #next(signal: AbortSignal): Promise<void> {
    const upstream = await this.#route.next(signal)
    await this.#context.session.whenConnected(signal)
    const startedAt = performance.now()
    const outcome = await this.#runOnce(upstream)
    if (signal.aborted) return
    if (performance.now() - startedAt >= STEADY_MS) this.#steady(upstream.region)
    await this.#follow(outcome, upstream.region)
  }

  async #runOnce({ region, stream }: Upstream): Promise<PullOutcome> {
    const topic = this.#context.topic(this.topicKey)
    if (topic === undefined) return { kind: 'ended', reason: 'failed' }
    const leave = new AbortController()
    const { session, checkpoints, incarnations, repairs, room, now, gate } = this.#context
    const run = new PullRun({
      topic,
      origin: this.origin,
      upstream: region,
      upstreams: () => this.#route.holders(),
      link: stream,
      repairs,
      local: new LocalStream({ session, checkpoints, incarnations, topic, origin: this.origin }),
      marked: this.#context.markedView(topic),
      creditBytes: CREDIT_BYTES,
      room,
      duplicateWindowMs: () => (this.#context.topic(this.topicKey) ?? topic).document.spec.duplicateWindowMs,
      events: this.#events,
      gate,
      signal: leave.signal,
      now,
    })
    const abandoned = Promise.withResolvers<undefined>()
    const undecided = { cut: undefined, mark: undefined, abandoning: undefined }
    const running: Running = { run, region, stream, leave, abandoned, ...undecided }
    this.#running = running
    const outcome: RunOutcome | undefined = await Promise.race([run.run(), abandoned.promise])
    clearTimeout(running.abandoning)
    this.#lastReading = this.#reading(run)
    this.#lastPosition = run.position ?? this.#lastPosition
    if (run.everOpen) this.#lastReportMs = stream.lastContactMs ?? this.#lastReportMs
    this.#running = undefined
    return running.cut ?? outcome ?? { kind: 'ended', reason: 'failed' }
  }

  /** Ends the run behind the batch in hand; one that does not end is left to itself. */
  #leave(cut: PullOutcome): void {
    const running = this.#running
    if (running === undefined || running.cut !== undefined) return
    running.cut = cut
    running.leave.abort()
    running.abandoning = setTimeout(() => running.abandoned.resolve(undefined), ABANDON_MS)
  }

  async #follow(outcome: PullOutcome, region: string): Promise<void> {
    this.#report(outcome, region)
    // What nobody kept is not asked for any more: all may serve again.
    if (outcome.kind === 'gap-recorded') {
      for (const one of this.#context.routes.candidates(this.topicKey, this.origin)) this.#route.good(one.region)
    }
    const step = nextStepOf(outcome)
    if (step.kind === 'trouble') this.#route.trouble(region, step.trouble)
    if (step.kind === 'wait') await this.#pauseFor(step.retry)
  }

  async #pauseFor(retry: RetryClass): Promise<void> {
    const backoff = this.#backoffs.get(retry) ?? new Backoff(RETRY_WAITS[retry], this.#context.random)
    this.#backoffs.set(retry, backoff)
    await pause(backoff.next(), this.#end.signal)
  }

  #report(outcome: PullOutcome, region: string): void {
    const reason = reasonOf(outcome)
    const stopReason = stopReasonOf(outcome)
    const message = detailOf(outcome)
    this.#trouble = message || reason
    this.#context.metrics.runsEnded.inc({ origin: this.origin, reason })
    // A stop stays known while the link is away: nobody has acted yet.
    if (stopReason !== undefined) this.#stopped = { reason: stopReason, message }
    else if (outcome.kind !== 'link-down' && reason !== 'failed') this.#goOn('run')
    const level = stopReason !== undefined ? 'error' : (LEVELS[outcome.kind] ?? 'info')
    // The same end over and over is said once.
    if (this.#logged === reason && level !== 'error') return
    this.#logged = reason
    this.#context.log[level]({ ...this.#labels, upstream: region, reason, detail: message }, 'pull interrupted')
  }

  #opened(): void {
    this.#goOn('run')
    this.#logged = ''
    this.#trouble = ''
    const region = this.#running?.region
    if (region !== undefined && region !== this.origin) {
      this.#context.log.info({ ...this.#labels, upstream: region }, 'pull goes over a relay')
    }
  }

  #stored(): void {
    this.#goOn('stored')
    if (this.#running !== undefined) this.#route.good(this.#running.region)
  }

  #steady(region: string): void {
    this.#backoffs.clear()
    this.#route.good(region)
  }

  /** What stopped it is over. That the origin serves a run says nothing about what cannot be stored. */
  #goOn(sign: 'run' | 'stored'): void {
    if (sign === 'run' && this.#stopped?.reason === 'cannot_store') return
    this.#stopped = undefined
  }

  get #labels(): { readonly topic: string; readonly origin: string } {
    return { topic: this.topicKey, origin: this.origin }
  }
}
